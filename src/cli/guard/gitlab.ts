import { factsOf, type Report } from './report.ts'

/** GitLab’s JUnit report of a job: one suite with one case, which fails where the job does. */
export function junitReport(report: Report): string {
  const { verdict, target, seconds, told } = report
  const name = `guard of ${told?.version?.revision === undefined ? 'the new version' : `revision ${told.version.revision}`}`
  const text = [verdict.cause, verdict.numbers, verdict.undone, verdict.chosen, report.link]
    .filter(word => word !== undefined && word !== '')
    .join('\n')
  const counts = { failures: [1, 5].includes(verdict.code) ? 1 : 0, skipped: verdict.code === 0 && verdict.chosen !== undefined ? 1 : 0 }
  const errors = verdict.code !== 0 && counts.failures === 0 ? 1 : 0
  const message = `message="${xml(verdict.headline)}"`
  const body =
    counts.failures === 1
      ? `<failure ${message}>${xml(text)}</failure>`
      : errors === 1
        ? `<error ${message}>${xml(text)}</error>`
        : counts.skipped === 1
          ? `<skipped ${message}/><system-out>${xml(text)}</system-out>`
          : `<system-out>${xml(text)}</system-out>`
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="astern guard" tests="1" failures="${counts.failures}" errors="${errors}" skipped="${counts.skipped}" time="${seconds.toFixed(3)}">
    <testcase classname="${xml(target)}" name="${xml(name)}" time="${seconds.toFixed(3)}">${body}</testcase>
  </testsuite>
</testsuites>
`
}

/** XML takes no control characters, not even escaped. */
function xml(text: string): string {
  return text
    .replaceAll(/(?![\n\t])[\p{Cc}\p{Cs}\ufffe\uffff]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** The most bytes that a value gets: GitLab takes 5 KB for the whole file. */
const VALUE = 500

/** GitLab’s dotenv report: plain names, values without blanks, quotes or line breaks. */
export function dotenvReport(report: Report): string {
  return factsOf(report)
    .map(
      ([name, value]) => `GUARD_${name.toUpperCase().replaceAll('-', '_')}=${value.replaceAll(/[^\w.:/@%?&=+,~-]/g, '_').slice(0, VALUE)}\n`
    )
    .join('')
}
