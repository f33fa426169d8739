import { readConfig } from '../../src/config.ts'
import { createHttpClient } from '../../src/outgoing/http-client.ts'

// One call of a process of its own, as its environment says: authorities are read when a process starts. Prints what came of it.
const http = createHttpClient(Date.now, text => text, readConfig({}).proxy)
const result = await http.request({ method: 'POST', url: process.argv[2] ?? '', body: '{}', deadlineMs: 5_000 })
http.close()
process.stdout.write(JSON.stringify(result.kind === 'failed' ? result : { status: result.status, body: result.body }))
