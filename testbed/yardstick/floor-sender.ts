/**
 * The sending half of the floor: node floor-sender.js ADDRESS PORT FILE
 *
 * Sends the file by sendfile and prints what that took, as one line of JSON; Node's own start is not in it.
 */
import { closeSync, fstatSync, openSync } from 'node:fs';

import {
  connectTcp,
  openTcpSocket,
  receiveExactly,
  sendFile,
  shutdownSocket,
} from '../../libraries/libc/index.js';
import { stopwatch } from './floor-figures.js';

const [address = '', port = '', file = ''] = process.argv.slice(2);
const socket = openTcpSocket();
connectTcp(socket, { address, port: Number(port) }, 10_000);
const fd = openSync(file, 'r');
const figures = stopwatch();
sendFile(socket, fd, 0, fstatSync(fd).size);
// One byte back: everything is in its file.
receiveExactly(socket, Buffer.from(new ArrayBuffer(1)), 1);
process.stdout.write(`${JSON.stringify(figures())}\n`);
shutdownSocket(socket);
closeSync(socket);
closeSync(fd);
