import t from 'tap'
import { ENDS, standing, WATCHING } from '../../../support/guard-examples.ts'
import { ended } from '../../../support/played-guard.ts'

const CODES = {
  pass: 0,
  unchanged: 0,
  'rolled-back': 1,
  inconclusive: 3,
  stopped: 3,
  unreachable: 4,
  failed: 5,
  superseded: 6
} as const satisfies Readonly<Record<keyof typeof ENDS, number>>

t.test('each result has its exit code, and its last line says verdict, cause, numbers, what was undone, and where to look', async t => {
  const words: Readonly<Record<keyof typeof ENDS, RegExp>> = {
    pass: /^PASS \(exit 0\): proven to be within x1\.5 \+ 0\.2pp · errors: new 36 of 30,100 \(0\.12 %\), old 40 of 31,000 \(0\.13 %\), ratio .* · http/,
    unchanged: /^UNCHANGED \(exit 0\): revision 12 runs since yesterday/,
    'rolled-back':
      /^FAIL, ROLLED BACK \(exit 1\): errors are at least 96 times .* new 300 of 1,000 \(30 %\).* · taken back to revision 11 \(registry\.example\/api:1\.4\.1\) by run run-1 · http/,
    inconclusive: /^INCONCLUSIVE \(exit 3\): the new version got no requests · errors: new no requests/,
    stopped: /^STOPPED \(exit 3\): stopped by ann/,
    unreachable: /^UNREACHABLE \(exit 4\): the API server did not answer for 10m/,
    failed: /^FAIL, NOT ROLLED BACK \(exit 5\): .* · nothing was written \(budget-used-up: .*3 writes within 24h; run run-1\)/,
    superseded: /^SUPERSEDED \(exit 6\): revision 13 was rolled out/
  }
  for (const result of Object.keys(ENDS) as (keyof typeof ENDS)[]) {
    const { code, last, err } = await ended(t, [WATCHING, ENDS[result]])
    t.equal(code, CODES[result], `${result} ${err}`)
    t.match(last, words[result])
    t.match(last, result === 'pass' ? /\/api\/v1\/guards\/g-1$/ : /exit/)
  }
})

t.test('what --on-inconclusive and --on-unreachable make of 3 and 4 is said at the start and in the end', async t => {
  for (const [result, flag, choice, expected] of [
    ['inconclusive', '--on-inconclusive', 'pass', 0],
    ['inconclusive', '--on-inconclusive', 'fail', 5],
    ['stopped', '--on-inconclusive', 'pass', 0],
    ['unreachable', '--on-unreachable', 'pass', 0],
    ['unreachable', '--on-unreachable', 'fail', 5],
    ['failed', '--on-inconclusive', 'pass', 5],
    ['inconclusive', '--on-unreachable', 'pass', 3]
  ] as const) {
    const { code, out, last } = await ended(t, [ENDS[result]], [flag, choice])
    t.equal(code, expected, `${result} ${flag} ${choice}`)
    t.match(out, new RegExp(`exit .*becomes ${choice === 'pass' ? 0 : 5}: ${flag} ${choice}`))
    if (result !== 'failed' && expected !== 3) t.match(last, `${flag} ${choice} makes exit ${expected} of ${CODES[result]}`)
  }
})

t.test('the log: one whole line for each change, with its time, as people read it', async t => {
  const { out } = await ended(t, [
    WATCHING,
    { standing: standing({ seconds: 35, awaits: 'about 900 more requests' }) },
    { failing: 'api-7d9f: ImagePullBackOff registry.example/api:1.4.2' },
    { state: 'acting', standing: { ...ENDS['rolled-back'].standing }, run: { id: 'run-1', state: 'executing', wrote: false } },
    { run: { id: 'run-1', state: 'watching', wrote: true } },
    ENDS['rolled-back']
  ])
  const lines = out
    .trimEnd()
    .split('\n')
    .map(line =>
      line
        .replace(/^\d\d:\d\d:\d\dZ /, 'TIME ')
        .replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, 'SERVER')
        .replace(/\d{4}-\d\d-\d\d,/, 'DATE,')
    )
  t.strictSame(lines, [
    'TIME begin     Deployment/shop/api at SERVER, DATE, all times UTC',
    'TIME guard     g-1 is begun',
    'TIME awaits    the controller to see the new version',
    'TIME version   revision 12 (registry.example/api:1.4.2), rolled out at 2026-11-28T13:39:51.000Z; it replaces revision 11 (registry.example/api:1.4.1)',
    'TIME said      errors are counted by http_requests_total of the pods, read directly',
    'TIME said      at this traffic five times the errors take about 1 minute to prove',
    'TIME compared  with the pods of the old version, while both serve; tolerated: errors up to x1.2 + 0.05pp',
    'TIME awaits    the soak of 5m',
    'TIME failing   api-7d9f: ImagePullBackOff registry.example/api:1.4.2',
    'TIME fail      new 4 of 3,000 requests failed (0.13 %), old 11 of 9,000 (0.12 %)',
    'TIME run       run-1 executing, nothing written',
    'TIME run       run-1 watching, written',
    'TIME run       run-1 recovered, written · undone to revision 11',
    'FAIL, ROLLED BACK (exit 1): errors are at least 96 times those of the old version · errors: new 300 of 1,000 (30 %), old 11 of 9,000 (0.12 %), ratio 250 (at least 96), tolerated x1.2 + 0.05pp · taken back to revision 11 (registry.example/api:1.4.1) by run run-1 · SERVER/api/v1/guards/g-1'
  ])
})

t.test('everything that is asked for arrives: flags, else what the CI job tells of itself', async t => {
  const flags = [
    '--for',
    '1m',
    '--timeout',
    '9m',
    '--warm-up',
    '20s',
    '--tolerate',
    'x2',
    '--metric',
    'http-latency',
    '--metric',
    'http-error-ratio'
  ]
  const rest = [
    '--revision',
    '12',
    '--image',
    'api:2',
    '--on-fail',
    'report',
    '--dry-run',
    '--pods',
    'off',
    '--baseline',
    'before',
    '--author',
    'bo'
  ]
  const { code, deployGuards } = await ended(t, [ENDS.pass], [...flags, ...rest], {
    GITHUB_ACTIONS: 'true',
    GITHUB_SHA: 'abc123',
    GITHUB_ACTOR: 'ann',
    GITHUB_SERVER_URL: 'https://github.example',
    GITHUB_REPOSITORY: 'shop/api',
    GITHUB_RUN_ID: '42'
  })
  t.equal(code, 0)
  t.strictSame(deployGuards.requests, [
    {
      target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
      by: 'the-deployer',
      options: {
        soak: 60_000,
        timeout: 540_000,
        warmUp: 20_000,
        baseline: 'before',
        tolerated: { ratio: 2, add: 0 },
        metrics: ['http-latency', 'http-error-ratio'],
        revision: 12,
        image: 'api:2',
        onFail: 'report',
        dryRun: true,
        pods: 'off'
      },
      change: { commit: 'abc123', author: 'bo', url: 'https://github.example/shop/api/actions/runs/42' }
    }
  ])
})
