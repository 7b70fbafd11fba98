// The baseline of the fan-out: TLS, one WebSocket per client, and one `send` of a prepared string per client.
import { createServer } from 'node:https';
import { WebSocketServer } from 'ws';

const { cert, key } = JSON.parse(process.env.BENCH_TLS);
const server = createServer({ cert, key });
const upgrades = new WebSocketServer({ server, perMessageDeflate: false });
process.on('message', ({ text }) => {
  for (const client of upgrades.clients) client.send(text);
});
server.listen(0, '127.0.0.1', () => process.send({ type: 'ready', ports: { clients: server.address().port } }));
process.on('disconnect', () => process.exit(0));
