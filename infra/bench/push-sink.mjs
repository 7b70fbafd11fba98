// The cheapest endpoint of a push subscription: accepts and counts every request.
import { createServer } from 'node:http';

let received = 0;
const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    received++;
    response.writeHead(204).end();
  });
});
server.listen(0, '127.0.0.1', () => process.send({ type: 'ready', ports: { push: server.address().port } }));
process.on('message', () => process.send({ type: 'received', received }));
process.on('disconnect', () => process.exit(0));
