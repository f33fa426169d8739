import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { openActions } from '../../../src/app/actions.ts'
import { type App, startApp } from '../../../src/app/app.ts'
import { createSecretFiles } from '../../../src/app/secret-files.ts'
import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { createSecrets } from '../../../src/base/secrets.ts'
import { connect } from '../../../src/cluster/connection.ts'
import { readConfig } from '../../../src/config.ts'
import { examine } from '../../../src/doctor/doctor.ts'
import { readTokens } from '../../../src/http/listen.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { loadPolicies } from '../../../src/policies/load.ts'
import { startSandbox } from '../../../src/sandbox/sandbox.ts'
import { firing, payload } from '../../support/alertmanager-payloads.ts'
import { deploymentOf } from '../../support/conformance/clients.ts'
import { type Misbehaviour, startEcho } from '../../support/echo.ts'
import { type Held, held, leaks, misbehaviour, PIECE, type Places, secret, setUp } from '../../support/secret-scene.ts'
import { seeded } from '../../support/seed.ts'
import { StoryCluster } from '../../support/story-cluster.ts'
import { storyTools } from '../../support/story-tools.ts'
import { badRollout, intentOf, NOON, planInput } from '../../support/workloads.ts'

/** Resolves when the log has such a line. */
function logOf(): { readonly text: () => string; readonly write: (line: string) => void; until(pattern: RegExp): Promise<void> } {
  let text = ''
  let wanted: { readonly pattern: RegExp; readonly resolve: () => void } | undefined
  return {
    text: () => text,
    write(line) {
      text += line
      if (wanted?.pattern.test(text) === true) wanted.resolve()
    },
    until: pattern =>
      new Promise(resolve => {
        wanted = { pattern, resolve }
        if (pattern.test(text)) resolve()
      })
  }
}

/** Asks the app everything, and gives back all that it said. */
async function askEverything(app: App, token: string): Promise<string> {
  const said: string[] = []
  const call = async (method: string, path: string, options: { readonly body?: unknown; readonly as?: string } = {}): Promise<void> => {
    const response = await fetch(app.address + path, {
      method,
      headers: {
        authorization: `Bearer ${options.as ?? token}`,
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' })
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) })
    })
    said.push(JSON.stringify([...response.headers]), await response.text())
  }
  const target = { kind: 'Deployment', namespace: 'shop', name: 'api' }
  await call('POST', '/api/v1/dry-runs', { body: { policy: 'undo', target } })
  for (const path of ['status', 'runs', 'audit', 'policies', 'switch']) await call('GET', `/api/v1/${path}`)
  await call('GET', '/metrics')
  await call('GET', '/readyz')
  await call('GET', '/api/v1/runs', { as: `${token}-wrong` })
  return said.join('\n')
}

async function play(t: Test, places: Places, secrets: Held & { readonly basic: boolean }, until: RegExp): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'astern-secrets-'))
  try {
    const { config } = setUp(folder, places, secrets)
    const log = logOf()
    const app = await startApp(config, { output: log })
    const said: string[] = []
    try {
      const told = log.until(until)
      const posted = await fetch(`${app.address}/webhooks/alertmanager`, {
        method: 'POST',
        headers: { authorization: `Bearer w${secrets.operator}` },
        body: JSON.stringify(payload([firing()]))
      })
      t.equal(posted.status, 202)
      await told
      said.push(await askEverything(app, secrets.operator))
      // A reload of a file that is bad, with a secret where none may stand.
      writeFileSync(config.policies, `version: 1\nsources: { prometheus: { url: "http://ann:${secrets.operator}@h" } }\npolicies: []\n`)
      await app.reload()
    } finally {
      await app.stop()
    }
    for (const name of readdirSync(config.dataDir)) said.push(readFileSync(join(config.dataDir, name), 'latin1'))
    return [...said, log.text()].join('\n')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Plays it for random secrets and misbehaviours, and looks for the secrets in all that came out. */
async function playMany(t: Test, cluster: string | undefined, numRuns: number): Promise<void> {
  let now: Misbehaviour = { echo: 'headers', form: 'plain 503' }
  const { origin, bodies } = await startEcho(t, '127.0.0.1', () => now)
  let carried = 0
  const places = { origin, ...(cluster === undefined ? {} : { cluster }) }
  const tried = await fc.check(
    fc.asyncProperty(held, misbehaviour, fc.boolean(), async (secrets, how, basic) => {
      now = how
      // A target that is not there concerns people at once, and every channel fails.
      const told = cluster === undefined && how.form === 'kubernetes 404'
      const until = told ? /people could not be told yet/ : /run waits|run ended|something failed inside/
      bodies.length = 0
      const out = await play(t, places, { ...secrets, basic }, until)
      // A message carries nothing but, to PagerDuty, the key that is its address.
      const sent = bodies.join('\n').replaceAll(/"routing_key":"(?:[^"\\]|\\.)*"/g, '')
      carried += [...sent.matchAll(/needs-people|Somebody must look|event_action/g)].length
      const all = `${out}\n${sent}`
      const found = leaks(all, secrets)
      const line = all.split('\n').find(one => leaks(one, secrets).length > 0)
      if (found.length > 0) throw new Error(`${found.join(', ')} came out: ${line?.slice(0, 600)}`)
    }),
    { ...seeded(12), numRuns, endOnFailure: true, interruptAfterTimeLimit: 40_000 }
  )
  t.notOk(tried.failed, `${tried.seed}: ${JSON.stringify(tried.counterexample)} ${String(tried.errorInstance)}`)
  if (cluster === undefined) t.ok(carried > 0, 'messages went out')
}

t.test('no secret comes out of the service, whatever its sources and its cluster say', t => playMany(t, undefined, 25))

t.test('nor where the cluster works, and what a source says of the symptom is stored and answered', async t => {
  const sandbox = await startSandbox()
  t.teardown(() => sandbox.close())
  for (const [path, object] of [
    ['/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }],
    ['/apis/apps/v1/namespaces/shop/deployments', deploymentOf('api', 'app:v1')]
  ] as const) {
    const headers = { 'content-type': 'application/json' }
    t.equal((await fetch(sandbox.url + path, { method: 'POST', headers, body: JSON.stringify(object) })).status, 201)
  }
  await playMany(t, sandbox.url, 15)
})

t.test('nor out of the doctor, which sends every channel a message', async t => {
  let now: Misbehaviour = { echo: 'headers', form: 'plain 503' }
  const { origin } = await startEcho(t, '127.0.0.1', () => now)
  const tried = await fc.check(
    fc.asyncProperty(held, misbehaviour, fc.boolean(), async (secrets, how, basic) => {
      now = how
      const folder = mkdtempSync(join(tmpdir(), 'astern-secrets-'))
      try {
        const found = []
        for await (const finding of examine(setUp(folder, { origin }, { ...secrets, basic }).config, { sendTest: true }))
          found.push(finding)
        const out = leaks(JSON.stringify(found), secrets)
        if (out.length > 0) throw new Error(`${out.join(', ')} came out: ${JSON.stringify(found)}`)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    }),
    { ...seeded(12), numRuns: 25, endOnFailure: true }
  )
  t.notOk(tried.failed, `${tried.seed}: ${JSON.stringify(tried.counterexample)} ${String(tried.errorInstance)}`)
})

t.test('nor out of what an action calls: headers from files, and a URL from a file', async t => {
  let now: Misbehaviour = { echo: 'headers', form: 'plain 503' }
  const { origin } = await startEcho(t, '127.88.0.1', () => now)
  const clock = { now: () => NOON, sleep: async () => {} }
  const tools = storyTools(new StoryCluster(clock), clock)
  const tried = await fc.check(
    fc.asyncProperty(held, misbehaviour, fc.boolean(), async (secrets, how, away) => {
      now = how
      const folder = mkdtempSync(join(tmpdir(), 'astern-secrets-'))
      const known = createSecrets()
      const http = createHttpClient(Date.now, known.scrub)
      try {
        const { config } = setUp(folder, { origin }, { ...secrets, basic: false })
        writeFileSync(join(folder, 'header'), `Bearer ${secrets.header}`)
        writeFileSync(join(folder, 'step-url'), `${away ? 'http://127.0.0.1:1' : origin}/${secrets.stepUrl}/${secrets.stepUrl}`)
        const files = createSecretFiles(known)
        const facts = async () => ({ own: [], listening: config.listen, podCidrs: config.podCidrs })
        const actions = openActions(config, { http, secrets: known, files, facts })
        const said: unknown[] = []
        const headersFromFiles = { Authorization: join(folder, 'header') }
        for (const [name, options] of [
          ['http', { urlFile: join(folder, 'step-url'), headersFromFiles }],
          ['circuit-breaker-reset', { url: `${origin}/breaker`, headersFromFiles, generic: { pointer: '/warnings/0', closed: 'CLOSED' } }]
        ] as const) {
          const action = actions.find(one => one.name === name)
          if (action === undefined) throw new Error(name)
          const result = await action.plan(tools, { ...planInput(badRollout()), with: options }, new AbortController().signal)
          said.push(result)
          if (result.kind === 'plan')
            said.push(await action.apply(tools, intentOf(result.plan), { dryRun: false }, new AbortController().signal))
        }
        const out = leaks(JSON.stringify(said), secrets)
        if (out.length > 0) throw new Error(`${out.join(', ')} came out: ${JSON.stringify(said)}`)
      } finally {
        http.close()
        rmSync(folder, { recursive: true, force: true })
      }
    }),
    { ...seeded(12), numRuns: 60, endOnFailure: true }
  )
  t.notOk(tried.failed, `${tried.seed}: ${JSON.stringify(tried.counterexample)} ${String(tried.errorInstance)}`)
})

t.test('nor out of settings and files that cannot be used', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'astern-secrets-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'x'))
  const path = join(folder, 'kubeconfig')
  const tokensFile = join(folder, 'tokens.yaml')
  /** A secret where it does not belong, or beside something that does not parse. */
  const broken = fc.constantFrom('"', '*', '&', '!', '[', '{', '@', '%', '|x', '\t- ', '? ', ': ', '')
  const tried = await fc.check(
    fc.asyncProperty(secret, broken, fc.boolean(), async (value, sign, behind) => {
      const text = behind ? `${value}${sign}` : `${sign}${value}`
      const message = async (run: () => unknown): Promise<string> => {
        try {
          return JSON.stringify((await run()) ?? '')
        } catch (cause) {
          return cause instanceof Error ? `${cause.message} ${String(cause.cause)}` : String(cause)
        }
      }
      writeFileSync(path, `users:\n- name: u\n  user:\n    token: ${text}\nclusters: ${behind ? '[]' : '}'}\n`)
      const said = [
        await message(async () => void (await connect({ kubeconfig: path }, Date.now))),
        await message(() => void readConfig({}, { ASTERN_PROMETHEUS_URL: `http://ann:${text}@h` })),
        await message(() => void readConfig({}, { ASTERN_PROMETHEUS_URL: text })),
        await message(() => loadPolicies([{ file: 'p', text: sourcesOf(`http://ann:${text}@h`) }], VOCABULARY)),
        await message(() => {
          writeFileSync(tokensFile, `tokens:\n- { name: a, role: viewer, sha256: ${text} }\n`)
          readTokens({ ...readConfig({}, {}), tokensFile })
        })
      ].join('\n')
      const piece = value.slice(0, PIECE)
      if (said.includes(piece) || said.includes(JSON.stringify(piece).slice(1, -1))) throw new Error(said)
    }),
    { ...seeded(12), numRuns: 500, endOnFailure: true }
  )
  t.notOk(tried.failed, `${tried.seed}: ${JSON.stringify(tried.counterexample)} ${String(tried.errorInstance)}`)
})

function sourcesOf(url: string): string {
  return `version: 1\nsources: { prometheus: { url: ${JSON.stringify(url)} } }\npolicies: []\n`
}
