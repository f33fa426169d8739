import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { listAt, textAt } from '../../../src/base/json.ts'
import { withRun } from '../../support/ledger-fixture.ts'
import { type Caller, open, TOKENS } from '../../support/server-fixture.ts'

t.test('a run is taken over by the API: by its caller, once, with a bounded reason; it stands in the run and its timeline', async t => {
  const server = await open(t)
  await withRun(server.app.ledger)
  const path = '/api/v1/runs/run-A/hand-over'
  t.match(await server.call('POST', path, { body: { reason: 'x'.repeat(1_001) } }), { status: 400 })
  t.match(await server.call('POST', path, { body: { stopWatching: 'yes' } }), { status: 400 })
  t.match(await server.call('POST', path, { as: 'viewer', body: {} }), { status: 403 })
  t.match(await server.call('POST', path, { body: { reason: 'the database' } }), {
    status: 200,
    body: { id: 'run-A', handedOver: { by: 'the-operator', reason: 'the database', stopsWatching: false } }
  })
  t.match(
    await server.call('POST', path, { body: {} }),
    { status: 200, body: { handedOver: { reason: 'the database' } } },
    'again: the same'
  )
  t.match(await server.call('POST', path, { as: 'approver', body: {} }), { status: 409, body: { by: 'the-operator' } })
  const { body } = await server.call('GET', '/api/v1/runs/run-A')
  t.match(
    listAt(body, 'timeline').filter(row => textAt(row, 'kind') === 'handed-over'),
    [{ by: 'the-operator', via: 'api', reason: 'the database' }]
  )
  t.match(await server.call('POST', '/api/v1/runs/none/hand-over', { body: {} }), { status: 404 })
})

t.test('the command line takes it over, says so, and says who has it where that is somebody else', async t => {
  const server = await open(t)
  await withRun(server.app.ledger)
  const astern = async (caller: Caller, ...args: readonly string[]) => {
    const token = `${server.files.tokens}-${caller}`
    writeFileSync(token, TOKENS[caller])
    const all = ['src/main.ts', 'hand-over', ...args, '--server', server.app.address, '--token-file', token]
    return new Promise<{ readonly code: unknown; readonly out: string; readonly err: string }>(resolve => {
      execFile(process.execPath, all, (cause, out, err) => resolve({ code: cause?.code ?? 0, out, err }))
    })
  }
  t.match(await astern('operator', 'run-A', '--reason', 'the database', '--stop-watching'), { code: 0, out: /you have it/ })
  t.match(await server.app.ledger.handedOver('run-A'), { by: 'the-operator', reason: 'the database', stop: true })
  t.match(await astern('approver', 'run-A'), { code: 2, err: /the-operator has it since/ })
  t.match(await astern('operator', 'none'), { code: 2, err: /no live run/ })
})
