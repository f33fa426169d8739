import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'

// The code cites pages by number: (facts B.7), (rules 3), promise 9, story 8, decision 2. Each number must lead somewhere.

const FOLDERS = ['src', 'test', 'scripts', 'bench', 'docs', 'charts']
const TEXT = /\.(ts|md|ya?ml|tpl|json)$/
/** Its examples of citations are none. */
const SELF = 'test/unit/citations.test.ts'

const files = [
  'README.md',
  'CONTRIBUTING.md',
  'policies.yaml',
  ...FOLDERS.flatMap(folder => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => join(folder, name)))
]
  .filter(file => TEXT.test(file) && file !== SELF)
  .map(file => ({ file, text: readFileSync(file, 'utf8') }))

/** Numbers in a row: `B.0, G.5`, `D.0 to D.2`, `2, 3, 4 and 8`. */
const inARow = (one: string): string => `${one}(?:(?:, | and | to )${one})*`
const FACT = String.raw`[A-Z]\.\d+`
const NUMBER = String.raw`\d+`

interface Cited {
  readonly place: string
  readonly number: string
}

/** Every citation of a page, with its file and line. */
function cited(page: string, one: string): Cited[] {
  const pattern = new RegExp(String.raw`(?<!soak -- )\b${page} (${inARow(one)})(?![.\d]*\d)`, 'gi')
  return files.flatMap(({ file, text }) =>
    [...text.matchAll(pattern)].flatMap(found => {
      const place = `${file}:${text.slice(0, found.index).split('\n').length}`
      return spread(found[1] ?? '').map(number => ({ place, number }))
    })
  )
}

/** `D.0 to D.2` is three numbers. */
function spread(row: string): string[] {
  return row.split(/, | and /).flatMap(part => {
    const [from = '', to] = part.split(' to ')
    if (to === undefined) return [from]
    const [, letter = '', first] = /^(\D*)(\d+)$/.exec(from) ?? []
    const last = Number(/\d+$/.exec(to)?.[0])
    return Array.from({ length: last - Number(first) + 1 }, (_, index) => `${letter}${Number(first) + index}`)
  })
}

function headings(page: string, pattern: RegExp): Set<string> {
  return new Set([...readFileSync(page, 'utf8').matchAll(pattern)].map(found => found[1] ?? ''))
}

const unfounded = (citations: readonly Cited[], known: ReadonlySet<string>): string[] =>
  citations.filter(({ number }) => !known.has(number)).map(({ place, number }) => `${place} cites ${number}`)

t.test('facts: every citation has its heading, and every heading is cited', async t => {
  const known = headings('docs/facts.md', /^## ([A-Z]\.\d+) \S/gm)
  // The page refers to itself now and then; that does not keep a fact alive.
  const citations = cited('facts', FACT)
  t.ok(citations.length > 50)
  t.same(unfounded(citations, known), [])
  const used = new Set(citations.filter(({ place }) => !place.startsWith('docs/facts.md')).map(({ number }) => number))
  t.same(
    [...known].filter(number => !used.has(number)),
    [],
    'nothing cites it: take it out'
  )
})

t.test('facts: each names its source', async t => {
  const page = readFileSync('docs/facts.md', 'utf8')
  for (const fact of page.split(/^## /m).slice(1)) {
    const name = fact.split('\n')[0] ?? ''
    t.match(fact, /\]\((https:\/\/|\.\.\/test\/)/, name)
  }
})

t.test('rules, promises, decisions', async t => {
  t.same(unfounded([...cited('rules', NUMBER), ...cited('Rule', NUMBER)], headings('docs/rules.md', /^## (\d+)\. /gm)), [])
  const promises = headings('docs/promises.md', /^## Promise (\d+)\. /gm)
  t.same(unfounded([...cited('promise', NUMBER), ...cited('promises', NUMBER)], promises), [])
  const decisions = new Set(readdirSync('docs/decisions').map(name => String(Number(name.slice(0, 4)))))
  t.same(unfounded([...cited('decision', NUMBER), ...cited('decisions', NUMBER)], decisions), [])
})

t.test('stories: every citation and every test has its heading, and every heading its test', async t => {
  const known = headings('docs/stories.md', /^## (?:Story )?(I?\d+)\. /gm)
  t.same(unfounded([...cited('story', NUMBER), ...cited('stories', NUMBER)], known), [])
  const played = files
    .filter(({ file }) => /^test\/(stories|e2e)\/.*\.test\.ts$/.test(file) || file === 'test/stories/everywhere.ts')
    .flatMap(({ text }) => [...text.matchAll(/(?:\bt\.test\(|\btitle:)\s*['"`](I?\d+)\. /g)].map(found => found[1] ?? ''))
  // One test plays several in one Astern.
  const together = files
    .filter(({ file }) => file.startsWith('test/stories/'))
    .flatMap(({ text }) =>
      [...text.matchAll(/\bt\.test\('stories ([\dI, and]+) /g)].flatMap(found => (found[1] ?? '').match(/I?\d+/g) ?? [])
    )
  t.same([...new Set([...played, ...together])].sort(), [...known].sort())
})

t.test('the glossary is in order, each word once', async t => {
  const words = [...readFileSync('docs/glossary.md', 'utf8').matchAll(/^\| \*\*(.+?)\*\*/gm)].map(found => found[1] ?? '')
  t.ok(words.length > 60)
  t.same(words, [...new Set(words)].sort())
})

t.test('nothing cites a page that is not here', async t => {
  const elsewhere = /\bdesign (?:section|page)\b|\bdesign\.md\b|\b(?:facts|rules|promise|decision|story) section\b/i
  t.same(
    files
      .flatMap(({ file, text }) => text.split('\n').map((line, index) => ({ line, place: `${file}:${index + 1}` })))
      .filter(({ line }) => elsewhere.test(line))
      .map(({ place }) => place),
    []
  )
})

t.test('links between the pages lead to a file, and to a heading of it', async t => {
  const slug = (heading: string): string =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
  const broken = files
    .filter(({ file }) => file.endsWith('.md'))
    .flatMap(({ file, text }) =>
      [...text.matchAll(/\]\(([^)\s:]+)\)/g)].flatMap(found => {
        const [path = '', anchor] = (found[1] ?? '').split('#')
        const target = path === '' ? file : join(dirname(file), path)
        if (!existsSync(target)) return [`${file}: ${found[1]}`]
        if (anchor === undefined) return []
        const anchors = [...readFileSync(target, 'utf8').matchAll(/^#+ (.+)$/gm)].map(heading => slug(heading[1] ?? ''))
        return anchors.includes(anchor) ? [] : [`${file}: ${found[1]}`]
      })
    )
  t.same(broken, [])
})
