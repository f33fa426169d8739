import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createHelm } from '../../../src/actions/helm-rollback/helm.ts'
import { HTTP, http } from '../../../src/actions/http/http.ts'
import type { SentCall } from '../../../src/domain/ports/action-http.ts'
import { StoryCluster } from '../../support/story-cluster.ts'
import { storyNeeds, storyTools } from '../../support/story-tools.ts'
import { badRollout, intentOf, NOON, planInput } from '../../support/workloads.ts'

const never = new AbortController().signal

t.test('http: its URL may stand in a file; then neither plan, nor summary, nor detail has it', async t => {
  const clock = { now: () => NOON, sleep: async () => {} }
  t.equal(HTTP.check({}), 'needs url or urlFile, and not both')
  t.equal(HTTP.check({ url: 'https://h', urlFile: '/f' }), 'needs url or urlFile, and not both')
  const sent: SentCall[] = []
  const send = async (content: string | Error) => {
    const needs = storyNeeds({
      readFile: () => {
        if (content instanceof Error) throw content
        return content
      },
      http: {
        async send(call) {
          sent.push(call)
          return { kind: 'response', status: 204, body: '' }
        }
      }
    })
    const action = http(needs)
    const result = action.plan(planInput(badRollout(), { options: { urlFile: '/etc/astern/hook' } }))
    if (result.kind !== 'plan') throw new Error(result.refusal.detail)
    const { plan } = result
    t.match(plan.summary, 'POST the URL in /etc/astern/hook')
    t.notMatch(JSON.stringify(plan), /K3Y/)
    return action.apply(storyTools(new StoryCluster(clock), clock), intentOf(plan), { dryRun: false }, never)
  }

  t.match(await send('https://hooks.example/K3Y?x=K3Y'), { kind: 'applied', detail: 'the URL in /etc/astern/hook answered 204' })
  t.notMatch(JSON.stringify(sent), /K3Y/)
  const [call] = sent
  t.equal(typeof call?.url === 'string' ? '' : call?.url.reveal(), 'https://hooks.example/K3Y?x=K3Y')
  for (const bad of ['K3Y', 'ftp://h/K3Y', 'http://ann:K3Y/x@h'])
    t.match(await send(bad), { kind: 'refused', detail: /^(?!.*K3Y).*\/etc\/astern\/hook/ })
  t.match(await send(Object.assign(new Error('ENOENT: no such file'), { syscall: 'open' })), { kind: 'refused', detail: /cannot be read/ })
  t.equal(sent.length, 1)
})

t.test('helm’s home is gone when helm has ended, whatever became of it', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'astern-helm-home-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const temporary = process.env['TMPDIR']
  process.env['TMPDIR'] = folder
  t.teardown(() => {
    if (temporary === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = temporary
  })
  const program = join(folder, 'helm')
  writeFileSync(
    program,
    `#!${process.execPath}\nrequire('fs').writeFileSync(process.env.HOME + '/cache', 'x'); process.argv[2] === 'version' ? console.log('v4.0.0') : (console.error('Error: t0ken-t0ken ' + 'x'.repeat(400)), process.exit(1))\n`,
    { mode: 0o755 }
  )
  const helm = createHelm({ program, environment: {}, scrub: text => text.replaceAll('t0ken-t0ken', '[redacted]') })
  t.match(await helm.major(never), { kind: 'done', value: 4 })
  t.match(await helm.rollback(['rollback'], 1_000, never), { kind: 'failed', detail: /^helm: Error: \[redacted\] x+$/ })
  t.match(await helm.history({ release: 'r', namespace: 'n' }, never), { kind: 'failed' })
  t.match(await createHelm({ program: join(folder, 'none'), environment: {} }).major(never), { kind: 'failed', problem: 'not-installed' })
  t.same(readdirSync(folder), ['helm'])
})
