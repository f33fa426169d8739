import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../../../../src/sandbox/processes.ts'
import { astern, guardFolder } from '../../../support/guard-cli.ts'
import { begun } from '../../../support/guard-examples.ts'
import { played } from '../../../support/played-guard.ts'

t.test('wrong usage is told by its flag, exit 2, and nothing is asked of the server', async t => {
  const { deployGuards, cwd, address } = await played(t, {})
  mkdirSync(join(cwd, 'folder'))
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /name what was deployed, as TYPE\/NAME/],
    [['api'], /api: must be TYPE\/NAME/],
    [['rollout/api'], /TYPE is one of Deployment, StatefulSet, DaemonSet/],
    [['constructor/api'], /must be TYPE\/NAME/],
    [['deploy/shop/api/x'], /more than three parts/],
    [['deploy/shop/api', '-n', 'bank'], /lies in shop, and -n says bank/],
    [['deploy/Api'], /"Api" is no name in Kubernetes/],
    [['deploy/api', '--for', '5 min'], /--for 5 min: must be a duration/],
    [['deploy/api', '--timeout', 'x'], /--timeout x: must be a duration/],
    [['deploy/api', '--for', '20m', '--timeout', '10m'], /--for 20m is longer than --timeout 10m/],
    [['deploy/api', '--warm-up', '1'], /--warm-up 1: must be a duration/],
    [['deploy/api', '--baseline', 'yesterday'], /--baseline.*yesterday.*concurrent/],
    [['deploy/api', '--baseline', 'objective'], /--baseline objective needs --objective/],
    [['deploy/api', '--tolerate', '20%'], /--tolerate: "20%" is no tolerance/],
    [['deploy/api', '--objective', '99.9%'], /--objective: .*an availability of 99\.9% is the objective "0\.1%"/],
    [['deploy/api', '--metric', 'sum(rate(x[5m]))'], /--metric .*no PromQL/],
    [['deploy/api', '--revision', 'latest'], /--revision latest: must be a number/],
    [['deploy/api', '--image', 'a b'], /--image: must be an image/],
    [['deploy/api', '--commit', 'x'.repeat(201)], /--commit: 1 to 200/],
    [['deploy/api', '--author', ''], /--author: 1 to 200/],
    [['deploy/api', '--url', 'javascript:1'], /--url: must be an http or https URL/],
    [['deploy/api', '--on-fail', 'shout'], /--on-fail.*rollback, report/],
    [['deploy/api', '--on-inconclusive', '0'], /--on-inconclusive.*pass, fail/],
    [['deploy/api', '--on-unreachable', '0'], /--on-unreachable.*pass, fail/],
    [['deploy/api', '--pods', 'ssh'], /--pods.*direct, proxy, off/],
    [['deploy/api', '--summary', 'folder'], /--summary folder cannot be written/],
    [['deploy/api', '--junit', 'no/such/file'], /--junit no\/such\/file cannot be written/],
    [['deploy/api', '--dotenv', 'folder'], /--dotenv folder cannot be written/],
    [['deploy/api', '--prometheus', 'http://p:9090'], /--prometheus guards without a server, and --server.* names one/],
    [['deploy/api', '--kubeconfig', 'k', '--context', 'c'], /choose/],
    [['deploy/api', '--token-file', 'none'], /there is no token file none/],
    [['deploy/api', '--ca', 'none'], /--ca none cannot be read/],
    [['deploy/api', '--server', 'nowhere'], /--server/]
  ]
  const judge = async ([args, sentence]: (typeof wrong)[number]): Promise<void> => {
    const server = args.includes('--server') ? [] : ['--server', address]
    const command = astern(t, ['guard', ...args, ...server], { cwd })
    t.equal(await command.ended, 2, args.join(' '))
    t.match(command.err(), sentence)
  }
  // Four at a time: each is a process.
  for (let from = 0; from < wrong.length; from += 4) await Promise.all(wrong.slice(from, from + 4).map(judge))
  t.same(deployGuards.requests, [])
})

t.test('what the server refuses: exit 2 with its own sentence, at once', async t => {
  const other = await played(t, { start: () => ({ kind: 'other-options', guard: begun('g-9'), differs: ['for', 'tolerate'] }) })
  const differs = other.guard()
  t.equal(await differs.ended, 2)
  t.match(differs.err(), /guard g-9 watches this version .* with other options: for, tolerate/)

  const { cwd, address } = await played(t, {})
  writeFileSync(join(cwd, 'stranger'), 'wrong')
  const stranger = astern(t, ['guard', 'deploy/shop/api', '--server', address, '--token-file', 'stranger'], { cwd })
  t.equal(await stranger.ended, 2)
  t.match(stranger.err(), /the token is not known \(--token-file FILE, or ASTERN_TOKEN_FILE\)/)
  const foreign = astern(t, ['guard', 'deploy/bank/api', '--server', address], { cwd, env: { ASTERN_TOKEN_FILE: 'token' } })
  t.equal(await foreign.ended, 2)
  t.match(foreign.err(), /the-deployer may not start guards in bank/)

  const gone = await played(t, { start: () => ({ kind: 'refused', why: 'not-found', detail: 'there is no Deployment/shop/api' }) })
  const missing = gone.guard()
  t.equal(await missing.ended, 2)
  t.match(missing.err(), /there is no Deployment\/shop\/api/)
})

t.test('a server that is away at the start: tried until the time is up, then 4, and what is known is said', async t => {
  const cwd = guardFolder(t)
  const away = astern(t, ['guard', 'deploy/shop/api', '--server', `http://127.0.0.1:${await freePort()}`, '--timeout', '2s'], { cwd })
  t.equal(await away.ended, 4)
  t.match(away.out(), /retry .*ECONNREFUSED/)
  t.match(away.out(), /UNREACHABLE \(exit 4\): .*no guard was begun and nothing is watched/)

  const sick = await played(t, { start: () => ({ kind: 'refused', why: 'unreachable', detail: 'the API server does not answer' }) })
  const tried = sick.guard(['--timeout', '2s', '--on-unreachable', 'pass'])
  t.equal(await tried.ended, 0)
  t.match(tried.out(), /retry .*the API server does not answer/)
  t.match(tried.out(), /UNREACHABLE \(exit 0\): .* · --on-unreachable pass makes exit 0 of 4/)
})
