import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import t from 'tap'
import { listAt, numberAt, textAt } from '../../src/base/json.ts'

/** The layout of `src/`: which folders each may import, besides its own files. `*` sees everything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[] | '*'>> = {
  base: [],
  domain: ['base'],
  // Reads YAML so that whatever is wrong has a place.
  yaml: [],
  promql: ['base'],
  templates: ['base', 'domain', 'promql'],
  outgoing: ['base', 'domain'],
  policies: ['base', 'domain', 'promql', 'templates', 'outgoing', 'yaml'],
  verification: ['base', 'domain', 'promql', 'templates', 'outgoing'],
  guards: ['base', 'domain', 'templates', 'outgoing'],
  // Watches rollouts; a verdict becomes a run by the ledger only.
  'deploy-guard': ['base', 'domain', 'templates', 'outgoing', 'verification'],
  actions: ['base', 'domain', 'templates', 'outgoing'],
  pipeline: ['base', 'domain', 'templates', 'outgoing', 'policies'],
  ledger: ['base', 'domain', 'templates', 'outgoing'],
  cluster: ['base', 'domain', 'templates', 'outgoing'],
  http: ['base', 'domain', 'yaml', '.'],
  webhooks: ['base', 'domain', 'templates', 'outgoing', 'http'],
  api: ['base', 'domain', 'templates', 'outgoing', 'http'],
  // Looks whether Astern still hears and sees; what it asks the world comes from the app.
  lookout: ['base', 'domain'],
  notify: ['base', 'domain', 'templates', 'outgoing'],
  telemetry: ['base', 'domain', 'templates', 'outgoing'],
  sandbox: ['base', 'domain', 'templates', 'outgoing'],
  cli: '*',
  // It looks at every part from outside.
  doctor: '*',
  // The composition root, and what puts parts together.
  app: '*',
  // main.ts, and config.ts, which knows modes and log levels.
  '.': ['cli', 'base', 'domain', 'outgoing', 'telemetry']
}

/** Each foreign package has one home. `typebox` stands wherever a schema is. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  '@streamparser/json': ['webhooks'],
  fastify: ['http', 'webhooks', 'api', 'app'],
  '@fastify/type-provider-typebox': ['api'],
  '@fastify/swagger': ['http'],
  '@fastify/rate-limit': ['http'],
  '@kubernetes/client-node': ['cluster'],
  kysely: ['ledger'],
  'node:sqlite': ['ledger'],
  execa: ['actions'],
  opossum: ['outgoing'],
  ws: ['outgoing'],
  'prom-client': ['telemetry'],
  pino: ['telemetry'],
  'pino-pretty': ['telemetry'],
  '@prometheus-io/lezer-promql': ['promql'],
  '@lezer/common': ['promql'],
  re2js: ['policies', 'promql'],
  'fastest-levenshtein': ['policies'],
  yaml: ['yaml', 'templates'],
  commander: ['cli'],
  rfc6902: ['sandbox'],
  nodemailer: ['notify'],
  typebox: ['policies', 'actions', 'notify', 'api', 'http']
}

/** Lines. */
const LONGEST_FILE = 300

interface Source {
  readonly file: string
  readonly folder: string
  readonly text: string
  readonly imports: readonly { readonly specifier: string; readonly typeOnly: boolean }[]
}

const sources: readonly Source[] = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.ts'))
  .map(name => {
    const text = readFileSync(join('src', name), 'utf8')
    const imports = [...text.matchAll(/^(?:import|export)\s+(type\s)?[^'"]*?from '([^']+)'|^import '([^']+)'|import\('([^']+)'\)/gms)].map(
      found => ({ specifier: found[2] ?? found[3] ?? found[4] ?? '', typeOnly: found[1] !== undefined })
    )
    return { file: name, folder: folderOf(name), text, imports }
  })

function folderOf(name: string): string {
  return name.includes('/') ? (name.split('/')[0] ?? '.') : '.'
}

t.test('there are files to look at', async t => {
  t.ok(sources.length > 100)
  t.ok(sources.flatMap(source => source.imports).length > 300)
})

t.test('each folder imports only what the table allows', async t => {
  const wrong = sources.flatMap(source =>
    source.imports
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ specifier }) => relative('src', resolve('src', dirname(source.file), specifier)))
      .filter(target => {
        const allowed = MAY_IMPORT[source.folder]
        const to = folderOf(target)
        return allowed !== '*' && to !== source.folder && !(allowed ?? []).includes(to)
      })
      .map(target => `${source.file} imports ${target}`)
  )
  t.same(wrong, [])
})

t.test('each foreign package has one home', async t => {
  const wrong = sources.flatMap(source =>
    source.imports
      .map(({ specifier }) =>
        specifier.startsWith('node:')
          ? specifier
          : specifier
              .split('/')
              .slice(0, specifier.startsWith('@') ? 2 : 1)
              .join('/')
      )
      .filter(specifier => !specifier.startsWith('.') && (!specifier.startsWith('node:') || specifier in HOMES))
      .filter(specifier => !(HOMES[specifier] ?? []).includes(source.folder))
      .map(specifier => `${source.file} imports ${specifier}`)
  )
  t.same(wrong, [])
})

t.test('the ledger knows a database only by its seam: what is one database’s own stands in its folder', async t => {
  const ledger = sources.filter(source => source.folder === 'ledger')
  const portable = ledger.filter(source => !source.file.startsWith('ledger/sqlite/'))
  t.ok(portable.length > 10 && portable.length < ledger.length)
  t.same(
    portable
      .filter(({ imports }) => imports.some(({ specifier }) => specifier === 'node:sqlite' || specifier.includes('/sqlite/')))
      .map(source => source.file),
    []
  )
})

t.test('base and domain do no I/O: they import nothing foreign but hashes', async t => {
  const foreign = sources
    .filter(source => source.folder === 'base' || source.folder === 'domain')
    .flatMap(source => source.imports.filter(({ specifier }) => !specifier.startsWith('.')).map(({ specifier }) => specifier))
  t.same([...new Set(foreign)], ['node:crypto'])
})

t.test('no file imports itself in a ring, types included', async t => {
  const edges = new Map(
    sources.map(source => [
      source.file,
      source.imports
        .filter(({ specifier }) => specifier.startsWith('.'))
        .map(({ specifier }) => relative('src', resolve('src', dirname(source.file), specifier)))
    ])
  )
  const done = new Set<string>()
  const rings: string[] = []
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      rings.push([...path.slice(path.indexOf(file)), file].join(' → '))
      return
    }
    if (done.has(file)) return
    for (const next of edges.get(file) ?? []) walk(next, [...path, file])
    done.add(file)
  }
  for (const file of edges.keys()) walk(file, [])
  t.same(rings, [])
})

t.test('in the pipeline only settle/ saves, besides claims; and deciding has no clock', async t => {
  const saves = /\bledger\.(save|saveDryRun|claimIntent|admit|settleLoan|targetExists|append|setSwitch|recordMarker|recordObserved)\(/
  const pipeline = sources.filter(source => source.folder === 'pipeline')
  const saving = pipeline.filter(source => saves.test(source.text)).map(source => source.file)
  t.ok(saving.length > 0)
  t.same(
    saving.filter(file => !file.startsWith('pipeline/settle/') && file !== 'pipeline/worker.ts'),
    []
  )
  const stages = ['decide', 'resolve', 'verify', 'plan', 'guard', 'ladder', 'due-rung', 'queries'].map(name => `pipeline/decide/${name}.ts`)
  t.equal(pipeline.filter(source => stages.includes(source.file)).length, stages.length)
  t.same(
    pipeline
      .filter(source => stages.includes(source.file) && /clock\.(now|sleep)\b|\bClock\b|settle\//.test(source.text))
      .map(source => source.file),
    []
  )
})

t.test('only config.ts reads the environment; time and chance are injected', async t => {
  t.same(
    sources.filter(source => /process\.env/.test(source.text)).map(source => source.file),
    ['config.ts']
  )
  const deciding = sources.filter(source =>
    ['base', 'domain', 'guards', 'actions', 'pipeline', 'policies', 'ledger', 'verification'].includes(source.folder)
  )
  t.same(
    deciding.filter(source => /Date\.now|Math\.random|new Date\(\)|setTimeout/.test(source.text)).map(source => source.file),
    []
  )
})

t.test('no shell: nothing runs a command line', async t => {
  t.same(
    sources
      .filter(source => /shell:\s*true|\bexecSync\(|\bexec\(['"`]/.test(source.text))
      .map(source => source.file)
      .filter(file => !file.startsWith('ledger/')),
    []
  )
})

t.test(`no file is longer than ${LONGEST_FILE} lines, and names say something`, async t => {
  t.same(
    sources.filter(source => source.text.split('\n').length > LONGEST_FILE).map(source => source.file),
    []
  )
  t.same(
    sources.filter(source => /(^|\/)(utils?|helpers?|common|misc|manager)(\.ts|\/)/.test(source.file)).map(source => source.file),
    []
  )
  t.same(
    sources.filter(source => !/^[a-z0-9]+(-[a-z0-9]+)*(\.d)?(\.ts)$/.test(source.file.split('/').at(-1) ?? '')).map(source => source.file),
    []
  )
})

t.test('no casts outside parsing, no any, no enum', async t => {
  t.same(
    sources
      .filter(source => /\bas any\b|: any\b|<any>|\benum \w+ \{|@ts-(ignore|nocheck|expect-error)/.test(source.text))
      .map(source => source.file),
    []
  )
})

/** The linter holds two of the rules; these samples hold the linter. */
const LINTED = `export function two(a: string, flag: boolean): void {}
export function optional(a: string, flag?: boolean): void {}
export async function byDefault(a: string, flag = false): Promise<void> {}
export const arrow = (flag: boolean | undefined): void => {}
export const object = { method(flag: boolean): void {} }
export class Widget { constructor(readonly a: string, flag: boolean) {} }
export const fine = (options: { readonly flag: boolean }, each: (flag: boolean) => boolean): boolean => each(options.flag)
function own(flag: boolean): void {}
export function five(a: 1, b: 2, c: 3, d: 4, e: 5): void {}
const arrowOfFive = (a: 1, b: 2, c: 3, d: 4, e: 5): void => {}
class Own { constructor(a: 1, b: 2, c: 3, d: 4, e: 5) {} method(a: 1, b: 2, c: 3, d: 4, e: 5): void {} }
export function four(a: 1, b: 2, c: 3, d: 4): void {}
`

t.test('the linter finds functions of more than four parameters, and exported ones with a boolean', async t => {
  // Outside of the checkout: a second biome.json in it would be in the way of the first.
  const folder = mkdtempSync(join(tmpdir(), 'astern-lint-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'src'))
  writeFileSync(join(folder, 'src/sample.ts'), LINTED)
  cpSync('biome.json', join(folder, 'biome.json'))
  cpSync('scripts/lint', join(folder, 'scripts/lint'), { recursive: true })
  const biome = resolve('node_modules/@biomejs/biome/bin/biome')
  const { stdout, stderr } = spawnSync(process.execPath, [biome, 'lint', '--reporter=json', 'src'], { cwd: folder, encoding: 'utf8' })
  const found = listAt(JSON.parse(stdout), 'diagnostics').map(diagnostic => [
    textAt(diagnostic, 'category'),
    numberAt(diagnostic, 'location', 'start', 'line')
  ])
  const linesOf = (category: string): unknown[] => found.filter(([kind]) => kind === category).map(([, line]) => line)
  t.same(linesOf('plugin').sort(), [1, 2, 3, 4, 5, 6], stderr)
  t.same(linesOf('lint/complexity/useMaxParams').sort(), [10, 11, 11, 9], stderr)
})

t.test('the linter makes no exception', async t => {
  const config: unknown = JSON.parse(readFileSync('biome.json', 'utf8'))
  t.same(listAt(config, 'overrides'), [])
  t.same(
    listAt(config, 'plugins').flatMap(plugin => listAt(plugin, 'includes')),
    []
  )
  t.same(
    sources.filter(source => /biome-ignore(-all|-start)? lint\/(plugin|complexity)/.test(source.text)).map(source => source.file),
    []
  )
})
