// The baseline: the minimum that a server of this protocol does in Node: mutual TLS, a WebSocket, one offset read, one
// ack, no store and no checks. The ratio of the same run shows the cost of everything that fleetbridge adds.
import { createServer } from 'node:https';
import { buildAck } from '@fleetbridge/protocol';
import { WebSocketServer } from 'ws';

const { ca, cert, key } = JSON.parse(process.env.BENCH_TLS);
const TXID_BYTES = 36;
const nothing = Buffer.from(`${'0'.repeat(TXID_BYTES)}V`);
const template = buildAck(nothing, 0, TXID_BYTES, TXID_BYTES, TXID_BYTES + 1);
const templateTxidAt = template.indexOf('0'.repeat(TXID_BYTES));

const server = createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: true });
const upgrades = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false });
upgrades.on('connection', (socket) => {
  socket.on('message', (data) => {
    const root = data.readUInt32LE(0);
    const field = root + data.readUInt16LE(root - data.readInt32LE(root) + 4);
    const txidAt = field + data.readUInt32LE(field) + 4;
    const ack = Buffer.from(template);
    data.copy(ack, templateTxidAt, txidAt, txidAt + TXID_BYTES);
    socket.send(ack);
  });
});
server.listen(0, '127.0.0.1', () => process.send({ type: 'ready', ports: { vehicles: server.address().port } }));
process.on('disconnect', () => process.exit(0));
