import { writeFileSync } from 'node:fs'
import { MUTATIONS } from '../test/support/mutations.ts'

// docs/promises.md from the table that `npm run mutations` breaks the code by.
const PROMISES: readonly (readonly [string, string, string])[] = [
  ['Promise 1', 'Durable, then acknowledged.', '`test/stories/crash.test.ts` kills the process before and after the delivery is stored'],
  [
    'Promise 2',
    'No write without a committed intent and a precondition.',
    '`test/support/conformance`: a failed `test` is refused by the real API server'
  ],
  ['Promise 3', 'At most once.', '`test/stories/crash.test.ts`: `kill -9` at every named point, one effective write'],
  ['Promise 4', 'One at a time.', ''],
  ['Promise 5', 'Never back to the bad version.', 'story 8'],
  ['Promise 6', 'No data is not bad, and not good.', 'story 10; `test/parts/prometheus.test.ts` asks a real Prometheus'],
  ['Promise 7', 'Fresh at the write.', 'approvals are not built yet'],
  ['Promise 8', 'Bounded.', ''],
  ['Promise 9', 'Symptom is not cause.', 'declared causes are not built yet'],
  ['Promise 10', 'Someone else is acting → hands off.', 'stories 9 and 11; freeze windows are not built yet'],
  ['Promise 11', 'Ineffective counts.', 'story 8'],
  ['Promise 12', 'Untrusted labels.', 'property tests'],
  ['Promise 13', 'Closed by default.', ''],
  ['Promise 14', 'Everything is explained.', 'story 1 reads the whole timeline']
]

const row = ({ test, name, what }: (typeof MUTATIONS)[number]): string => `| \`${test}\`: ${name} | ${what} |`
const groups = (word: string): readonly string[] =>
  [...new Set(MUTATIONS.map(mutation => mutation.breaks))].filter(breaks => breaks.startsWith(word))
const rules = groups('Rule')
const judge = groups('Judge')
const guard = groups('Guard')

const section = (group: string): string =>
  `\n## ${group}\n\n| test | what was broken |\n|---|---|\n${MUTATIONS.filter(mutation => mutation.breaks === group)
    .map(row)
    .join('\n')}\n`

writeFileSync(
  'docs/promises.md',
  `# Promises, tests, mutations

Each promise has a test that was seen to fail when the code was broken on purpose. \`npm run mutations\` breaks a copy of the code in each of
these ways, one after the other, and checks that the named test fails. This page is made of the same table (\`npm run promises\`).
${PROMISES.map(
  ([key, title, also]) =>
    `\n## ${key}. ${title}\n${also === '' ? '' : `\nAlso: ${also}.\n`}\n| test | what was broken |\n|---|---|\n${MUTATIONS.filter(
      mutation => mutation.breaks === key
    )
      .map(row)
      .join('\n')}\n`
).join('')}
# Rules of decision

What they say, and why, stands in [rules.md](rules.md); the number is that of its section.
${rules.map(section).join('')}
# The judge of a rollout

What it does, and why, stands in [canary.md](canary.md).
${judge.map(section).join('')}
# The life of a deploy guard

What it does stands in [guard.md](guard.md).
${guard.map(section).join('')}`
)
