import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import t from 'tap'
import { freePort, reservePort } from '../../../src/sandbox/processes.ts'

const run = promisify(execFile)
const PROCESSES = new URL('../../../src/sandbox/processes.ts', import.meta.url)

/** Whether another process may have the port. */
async function othersGet(port: number): Promise<string> {
  const program = `import { reservePort } from '${PROCESSES.href}'; console.log(await reservePort(${port}))`
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program])
  return stdout.trim()
}

// Seen: Astern was killed and started again by a test, and a Prometheus of another test had its port meanwhile.
t.test('a port is given to one process, though its server does not listen yet, until that process ends', async t => {
  const port = await freePort()
  t.equal(await othersGet(port), 'false')
  t.equal(await reservePort(port), false, 'nor does this process get it twice')
  const server = createServer().listen(port, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  t.pass('the server itself is not in its way')

  const next = await freePort()
  const program = `import { reservePort } from '${PROCESSES.href}'; console.log(await reservePort(${next + 1}))`
  await run(process.execPath, ['--input-type=module', '--eval', program])
  t.equal(await othersGet(next + 1), 'true', 'what a process that has ended reserved is free')
})
