// The images' health check, where there is neither curl nor a shell: exit code 0 when the admin port answers /readyz
// with 200. Arguments: the variable that may set another port, and the default port.
import { get } from 'node:http';

const [variable, defaultPort] = process.argv.slice(2);
const host = '127.0.0.1';
const port = process.env[variable] || defaultPort;

get({ host, port, path: '/readyz', timeout: 4_000 }, (response) => {
  // Docker stores the output: `docker inspect` shows which check is not ready.
  response.setEncoding('utf8').on('data', (text) => process.stdout.write(text));
  process.exitCode = response.statusCode === 200 ? 0 : 1;
})
  .on('timeout', () => fail(`no answer on port ${port}`))
  .on('error', ({ message }) => fail(message));

function fail(reason) {
  process.stdout.write(`${reason}\n`);
  process.exit(1);
}
