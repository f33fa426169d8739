import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../../../../src/sandbox/processes.ts'
import { astern, guardFolder } from '../../../support/guard-cli.ts'
import { ENDS, errorsPart, standing, WATCHING } from '../../../support/guard-examples.ts'
import { ended, played } from '../../../support/played-guard.ts'
import { type ScriptedGuards, scriptedGuards } from '../../../support/scripted-guards.ts'
import { open } from '../../../support/server-fixture.ts'

t.test('a server that restarts is found again: the guard goes on, and its end is told', async t => {
  const port = await freePort()
  const deployGuards: ScriptedGuards = scriptedGuards()
  const cwd = guardFolder(t)
  const first = await open(t, { deployGuards, listen: `127.0.0.1:${port}` })
  const command = astern(t, ['guard', 'deploy/shop/api', '--server', `http://127.0.0.1:${port}`, '--token-file', 'token'], { cwd })
  await command.until(/awaits/)
  await deployGuards.untilWaiting(1)
  deployGuards.become('g-1', WATCHING)
  await command.until(/soak of 5m/)

  await first.app.stop()
  await command.until(/away .*trying again for 120 s/)
  await open(t, { deployGuards, listen: `127.0.0.1:${port}` })
  await command.until(/back /)
  deployGuards.become('g-1', ENDS.pass)

  t.equal(await command.ended, 0)
  t.equal(deployGuards.requests.length, 1, 'and it was not asked for twice')
  t.equal(command.out().match(/TIME|soak of 5m/g)?.length, 1, 'what was told is not told again')
})

t.test('a signal ends the command and not the guard, whose id and whose end are told', async t => {
  for (const [signal, code, word] of [
    ['SIGINT', 130, 'INTERRUPTED'],
    ['SIGTERM', 143, 'TERMINATED']
  ] as const) {
    const { guard, deployGuards, cwd } = await played(t, {})
    const command = guard(['--junit', 'junit.xml'])
    await command.until(/awaits/)
    await deployGuards.untilWaiting(1)
    command.child.kill(signal)
    t.equal(await command.ended, code)
    t.match(command.out(), new RegExp(`${word} \\(exit ${code}\\): this command wrote nothing.* guard g-1 stays with the server`))
    t.match(command.out(), /it may still roll back|may still roll back; astern guard --stop g-1 ends it for all/)
    t.equal((await deployGuards.guard('g-1'))?.state, 'waiting', 'others may wait for it')
    t.ok(existsSync(join(cwd, 'junit.xml')))
  }
})

t.test('--stop ends it for all: the command that waits for it ends as well', async t => {
  const { guard, deployGuards, cwd, address } = await played(t, {})
  const waiting = guard()
  await waiting.until(/awaits/)
  await deployGuards.untilWaiting(1)
  const stop = astern(t, ['guard', '--stop', 'g-1', '--server', address, '--token-file', 'token'], { cwd })
  t.equal(await stop.ended, 0)
  t.match(stop.out(), /guard g-1 has ended: stopped/)
  t.equal(await waiting.ended, 3)
  t.match(waiting.out(), /STOPPED \(exit 3\): stopped by the-deployer/)
})

t.test('a second job of the same version attaches to the guard', async t => {
  const { guard, deployGuards } = await played(t, {})
  const first = guard()
  await first.until(/g-1 is begun/)
  const second = guard()
  await second.until(/g-1 watches already: attached to it/)
  await deployGuards.untilWaiting(2)
  deployGuards.become('g-1', ENDS.failed)
  t.same(await Promise.all([first.ended, second.ended]), [5, 5])
})

t.test('a huge event, and a stream without an end of line, take no more memory than is set apart for them', async t => {
  const huge = standing({
    parts: Array.from({ length: 2_000 }, (_, index) => errorsPart({ name: `slower than ${index} s` })),
    notes: Array.from({ length: 2_000 }, (_, index) => `${index} ${'x'.repeat(500)}`)
  })
  const { code, out } = await ended(t, [{ ...WATCHING, standing: huge }, ENDS.pass])
  t.equal(code, 0)
  t.ok(out.length < 100_000, `${out.length} characters`)

  let streams = 0
  const endless = createServer((request, response) => {
    if (request.method === 'POST')
      return void response.writeHead(201, { 'content-type': 'application/json' }).end('{"id":"g-1","state":"waiting"}')
    if (!(request.headers.accept ?? '').includes('event-stream')) return void response.writeHead(502).end('bad gateway')
    streams += 1
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: ')
    const piece = 'x'.repeat(1024 * 1024)
    const more = (): void => {
      while (!response.destroyed && response.write(piece)) {}
      if (!response.destroyed) response.once('drain', more)
    }
    more()
  })
  await new Promise<void>(resolve => endless.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    endless.close()
    endless.closeAllConnections()
  })
  const cwd = guardFolder(t)
  const { port } = endless.address() as AddressInfo
  const command = astern(t, ['guard', 'deploy/shop/api', '--server', `http://127.0.0.1:${port}`, '--timeout', '3s'], { cwd })
  t.equal(await command.ended, 4)
  t.ok(streams >= 1)
  t.match(command.out(), /UNREACHABLE \(exit 4\): .*guard g-1 stays with the server/)
})
