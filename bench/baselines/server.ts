import { closeSync, fdatasync, mkdtempSync, openSync, rmSync, write } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import { parseAlertmanagerPayload } from '../../src/webhooks/alertmanager-payload.ts'

// What the webhook is compared with: the same framework and the same checks of the same payload, and
// `bare`: an answer at once; `durable`: an append and an fdatasync, shared by concurrent requests, before the answer. No
// receiver that promises what Astern's 202 promises can be faster than that.
const durable = process.argv[2] === 'durable'
const folder = mkdtempSync(join(tmpdir(), 'astern-baseline-'))
const file = openSync(join(folder, 'log'), 'a')
const append = promisify(write)
const sync = promisify(fdatasync)
let waiting: { readonly text: string; readonly resolve: () => void }[] = []
let writing = false

async function drain(): Promise<void> {
  while (waiting.length > 0) {
    const batch = waiting
    waiting = []
    await append(file, batch.map(one => one.text).join(''))
    await sync(file)
    for (const { resolve } of batch) resolve()
  }
  writing = false
}

function store(text: string): Promise<void> {
  return new Promise(resolve => {
    waiting.push({ text, resolve })
    if (writing) return
    writing = true
    setImmediate(() => void drain())
  })
}

const server = Fastify({ bodyLimit: 10 * 1024 * 1024 })
server.removeAllContentTypeParsers()
server.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
let ids = 0
server.post('/webhooks/alertmanager', async (request, reply) => {
  const raw = String(request.body)
  const payload = parseAlertmanagerPayload(JSON.parse(raw))
  if ('message' in payload) return reply.code(400).send(payload)
  if (durable) await store(raw)
  ids += 1
  return reply.code(202).send({
    delivery: `delivery-${ids}`,
    incidents: payload.alerts.map((_, index) => ({ id: `incident-${ids}-${index}`, state: 'opened' }))
  })
})
process.stdout.write(`${await server.listen({ host: '127.0.0.1', port: 0 })}\n`)
process.on('SIGTERM', () => {
  closeSync(file)
  rmSync(folder, { recursive: true, force: true })
  process.exit()
})
