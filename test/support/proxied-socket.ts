import { readConfig } from '../../src/config.ts'
import { createWebSockets } from '../../src/outgoing/web-socket.ts'

// One WebSocket of a process of its own, as its environment says: authorities are read when a process starts. Prints what came of it.
const sockets = createWebSockets(readConfig({}).proxy)
const socket = sockets.open(process.argv[2] ?? '', {
  quietMs: 5_000,
  message(text) {
    process.stdout.write(text)
    socket.close()
  },
  closed(why) {
    sockets.close()
    process.stdout.write(`|${why}`)
  }
})
