import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mayMove, RUN_STATES } from '../../../src/domain/run.ts'
import { statesBefore } from '../../../src/ledger/run-moves.ts'

const LEDGER = 'src/ledger'

t.test('the states before a state are those that the table lets go there', async t => {
  for (const to of RUN_STATES) for (const from of RUN_STATES) t.equal(statesBefore(to).includes(from), mayMove(from, to), `${from} → ${to}`)
})

t.test('nothing but run-moves.ts changes the state of a run', async t => {
  const changing: string[] = []
  for (const file of readdirSync(LEDGER, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))) {
    const text = readFileSync(join(LEDGER, file), 'utf8')
    for (const [statement] of text.matchAll(/updateTable\('runs'\)[\s\S]*?(\.where\(|\.execute)|update runs set [^`']*/g))
      if (/\bstate\s*[:=,}]/.test(statement)) changing.push(file)
  }
  t.same([...new Set(changing)], ['run-moves.ts'])
})
