import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'

/** The rows of the threat model: who, what they can do, what holds, which test. Its headings have one cell only. */
const rows = readFileSync('docs/security.md', 'utf8')
  .split('## Threat model')[1]
  ?.split('\n## ')[0]
  ?.split('\n')
  .filter(line => line.startsWith('|') && !/^\|( who |-)/.test(line))
  .map(line =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map(cell => cell.trim())
  )
  .filter(cells => !/^\*\*[^*]+\*\*$/.test(cells[1] ?? ''))

t.test('the threat model is one table, and every row of it is whole', async t => {
  t.ok((rows?.length ?? 0) > 25)
  for (const cells of rows ?? []) {
    t.equal(cells.length, 4, cells.join(' | '))
    t.ok(
      cells.every(cell => cell !== ''),
      cells.join(' | ')
    )
  }
})

t.test('every row of the threat model names a test, and every test that it names is there', async t => {
  for (const [who = '', , , tests = ''] of rows ?? []) {
    const named = [...tests.matchAll(/`(test\/[^`]+\.test\.ts)`: ((?:“[^”]+”(?:, )?)+)/g)]
    t.ok(named.length > 0, `${who}: ${tests}`)
    t.equal(tests.replaceAll(/`test\/[^`]+\.test\.ts`: (?:“[^”]+”(?:, )?)+/g, '').replaceAll('; ', ''), '', `${who}: nothing but tests`)
    for (const [, file = '', names = ''] of named) {
      t.ok(existsSync(file), file)
      const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
      for (const [, name = ''] of names.matchAll(/“([^”]+)”/g)) t.ok(begins(text, name), `${file}: ${name}`)
    }
  }
})

/** Whether a test's name begins so. Where the name is made of parts, such as a version, one of them may come before. */
function begins(text: string, name: string): boolean {
  const escaped = name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`t\\.test\\(\\s*(?:'|\`(?:\\$\\{[^}]*\\}|[^$\`])*)${escaped}`).test(text)
}
