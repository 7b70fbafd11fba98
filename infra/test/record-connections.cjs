// For `node --require`: writes each address that this process connects to, and each name that it looks up, to the file
// OPENED_CONNECTIONS, a line each. A socket of the file system is not a connection.
const { appendFileSync } = require('node:fs');
const dgram = require('node:dgram');
const dns = require('node:dns');
const net = require('node:net');

const { OPENED_CONNECTIONS } = process.env;
const program = process.argv.slice(1, 3).join(' ');
const record = (what, host) => appendFileSync(OPENED_CONNECTIONS, `${what} ${host} ${program}\n`);

const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...args) {
  // net.connect passes its normalized arguments, an array with the options in front
  const [first, second] = Array.isArray(args[0]) ? args[0] : args;
  const isOptions = typeof first === 'object' && first !== null;
  const path = isOptions ? first.path : typeof first === 'string' ? first : undefined;
  if (path === undefined) record('connect', (isOptions ? first.host : second) || 'localhost');
  return connect.apply(this, args);
};

const { lookup } = dns;
dns.lookup = function (host, ...rest) {
  record('lookup', host);
  return lookup.call(this, host, ...rest);
};

const { send } = dgram.Socket.prototype;
dgram.Socket.prototype.send = function (...args) {
  record('datagram', args.find((value, at) => at > 0 && typeof value === 'string') ?? 'localhost');
  return send.apply(this, args);
};
