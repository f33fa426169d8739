import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { guardView } from '../../../../src/api/guard-view.ts'
import { ciJobOf } from '../../../../src/cli/guard/ci.ts'
import { addOutputs, addStepSummary, annotation } from '../../../../src/cli/guard/github.ts'
import { dotenvReport, junitReport } from '../../../../src/cli/guard/gitlab.ts'
import { createHistory } from '../../../../src/cli/guard/history.ts'
import { md, summaryPage } from '../../../../src/cli/guard/markdown.ts'
import { writeOutputs } from '../../../../src/cli/guard/outputs.ts'
import type { Report } from '../../../../src/cli/guard/report.ts'
import { toldOf } from '../../../../src/cli/guard/told.ts'
import { type Choices, verdictOf } from '../../../../src/cli/guard/verdict.ts'
import type { DeployGuard } from '../../../../src/domain/deploy-guard.ts'
import { begun, ENDS, errorsPart, standing, WATCHING } from '../../../support/guard-examples.ts'

/** The report of a guard that ended so, after a watch in which the errors of the new version grew. */
function reportOf(over: Partial<DeployGuard>, choices: Choices = {}): Report {
  const history = createHistory()
  const told = (scene: Partial<DeployGuard>) => toldOf(JSON.parse(JSON.stringify(guardView({ ...begun('g-1'), ...WATCHING, ...scene }))))
  for (let block = 1; block <= 8; block += 1)
    history.add(
      told({
        standing: standing({
          seconds: block * 5,
          parts: [errorsPart({ old: { requests: block * 500, bad: block }, new: { requests: block * 500, bad: block * block * 5 } })]
        })
      })
    )
  const last = told(over)
  return {
    target: 'Deployment/shop/api',
    told: last,
    verdict: verdictOf({ kind: 'ended', told: last }, choices),
    link: 'http://astern.example/api/v1/guards/g-1',
    history,
    seconds: 91.5
  }
}

t.test('the page: verdict, cause, what was undone, a table of both versions, and a picture', async t => {
  const page = summaryPage(reportOf(ENDS['rolled-back']))
  t.match(page, /^### astern guard Deployment\/shop\/api: FAIL, ROLLED BACK\n\nerrors are at least 96 times those of the old version\n/)
  t.match(
    page,
    /\n\| after 31s \| new: revision 12 \\\(registry\.example\/api:1\.4\.2\\\) \| old: revision 11 .* \| ratio \| tolerated \| proven \|\n\|---\|---\|---\|---\|---\|---\|\n\| errors \| 300 of 1,000 \\\(30 %\\\) \| 11 of 9,000 /
  )
  t.match(page, /```text\nshare of bad requests \(errors\), highest 15 %\nnew ▁▂▃▄▅▆▇█\nold ▁▁▁▁▁▁▁▁\n```/)
  t.match(page, /taken back to revision 11/)
  t.match(page, /\n\[guard g-1\]\(<http:\/\/astern\.example\/api\/v1\/guards\/g-1>\)\n/)
})

t.test('nothing that a pod says becomes a link, a picture, a mention, a tag or a column', async t => {
  const evil = '![x](http://evil/?a) <img src=x> @team | #1 **b** `c` www.evil.example'
  const page = summaryPage(reportOf({ ...ENDS.failed, detail: evil, said: [evil] }))
  t.notMatch(page, /<img|@team|@|team \|/)
  t.notMatch(page.replace(/\[guard g-1\].*/, ''), /https?:\/\/|[^\\]\]\(|www\./)
  t.equal(md('a|b'), 'a\\|b')
})

t.test('GitHub’s summary stays below its limit, whatever other programs of the step wrote', async t => {
  const folder = t.testdir({ empty: '', much: 'x'.repeat(1024 * 1024 - 20_000), full: 'x'.repeat(1024 * 1024 - 100) })
  const page = `${'a line of a page\n'.repeat(80_000)}`
  const size = (name: string): number => readFileSync(join(folder, name)).length
  t.equal(addStepSummary(join(folder, 'empty'), page), undefined)
  t.ok(size('empty') <= 1024 * 1024 - 8_192, `${size('empty')} bytes`)
  t.match(readFileSync(join(folder, 'empty'), 'utf8'), /a line of a page\n\(cut: this is all that fits\)\n$/)
  t.equal(addStepSummary(join(folder, 'much'), page), undefined)
  t.ok(size('much') <= 1024 * 1024 - 8_192 && size('much') > 1024 * 1024 - 12_000)
  t.match(addStepSummary(join(folder, 'full'), page), /GitHub takes 1 MiB: nothing is added/)
  t.equal(size('full'), 1024 * 1024 - 100)
  const small = summaryPage(reportOf(ENDS.pass))
  addStepSummary(join(folder, 'new'), small)
  t.equal(readFileSync(join(folder, 'new'), 'utf8'), small)
})

t.test('a page never ends inside of a character', async t => {
  const folder = t.testdir({ much: 'x'.repeat(1024 * 1024 - 8 * 1024 - 5_000) })
  addStepSummary(join(folder, 'much'), `${'▁▂▃▄▅▆▇█ ░\n'.repeat(1_000)}`)
  t.notMatch(readFileSync(join(folder, 'much'), 'utf8'), /\ufffd/)
})

t.test('GitHub’s outputs: each ends with a word that nobody could foresee', async t => {
  const folder = t.testdir({ out: 'before=1\n' })
  addOutputs(join(folder, 'out'), reportOf(ENDS['rolled-back']))
  const text = readFileSync(join(folder, 'out'), 'utf8')
  const end = /result<<(end_[0-9a-f]{32})\n/.exec(text)?.[1] ?? ''
  const values = Object.fromEntries(
    [...text.matchAll(new RegExp(`^([a-z-]+)<<${end}\n(.*)\n${end}$`, 'gm'))].map(([, name = '', value = '']) => [name, value])
  )
  t.match(values, {
    result: 'rolled-back',
    'exit-code': '1',
    id: 'g-1',
    run: 'run-1',
    revision: '12',
    url: /g-1$/,
    text: /^FAIL, ROLLED BACK/
  })
  t.ok(text.startsWith('before=1\n'))
})

t.test('one annotation: an error where the job fails, a warning where a flag let it pass, none where all is well', async t => {
  t.match(annotation(reportOf(ENDS.failed)), /^::error title=astern guard Deployment\/shop\/api::FAIL, NOT ROLLED BACK/)
  t.match(annotation(reportOf(ENDS.inconclusive)), /^::error /)
  t.match(annotation(reportOf(ENDS.inconclusive, { onInconclusive: 'pass' })), /^::warning /)
  t.equal(annotation(reportOf(ENDS.pass)), undefined)
  const long = annotation(reportOf({ ...ENDS.failed, detail: `50% ${'x'.repeat(5_000)}` })) ?? ''
  t.ok(long.length < 1_200)
  t.match(long, /50%25 x/)
})

t.test('JUnit: a failure where the version failed, an error where nothing is known, skipped where a flag let it pass', async t => {
  t.match(
    junitReport(reportOf(ENDS.failed)),
    /failures="1" errors="0" skipped="0" time="91\.500">\n +<testcase classname="Deployment\/shop\/api" name="guard of revision 12" time="91\.500"><failure message="FAIL, NOT/
  )
  t.match(junitReport(reportOf(ENDS.superseded)), /failures="0" errors="1".*<error message="SUPERSEDED">/s)
  t.match(junitReport(reportOf(ENDS.inconclusive, { onInconclusive: 'pass' })), /skipped="1".*<skipped message="INCONCLUSIVE"\/>/s)
  t.match(junitReport(reportOf(ENDS.inconclusive, { onInconclusive: 'fail' })), /failures="1"/)
  t.match(junitReport(reportOf(ENDS.pass)), /failures="0" errors="0" skipped="0"/)
  t.match(junitReport(reportOf({ ...ENDS.failed, detail: '<a b="c">&\ud800' })), /&lt;a b=&quot;c&quot;&gt;&amp;/)
})

t.test('dotenv: plain names, at most 20, and values that GitLab takes', async t => {
  const lines = dotenvReport(reportOf({ ...ENDS['rolled-back'], id: 'a b"c\nd' }))
    .trimEnd()
    .split('\n')
  t.ok(lines.length <= 20)
  for (const line of lines) t.match(line, /^GUARD_[A-Z_]+=[^\s"']*$/)
  t.ok(lines.includes('GUARD_RESULT=rolled-back'))
  t.ok(lines.includes('GUARD_EXIT_CODE=1'))
  t.ok(lines.includes('GUARD_URL=http://astern.example/api/v1/guards/g-1'))
  t.ok(lines.includes('GUARD_ID=a_b_c_d'))
})

t.test('a file that cannot be written is a warning: the verdict stands', async t => {
  const folder = t.testdir({ there: { file: '' } })
  const flags = { summary: join(folder, 'there'), junit: join(folder, 'junit.xml') }
  const problems = writeOutputs(reportOf(ENDS.pass), { flags, job: { change: {}, stepSummary: join(folder, 'no', 'step') } })
  t.equal(problems.length, 2)
  t.match(problems[0], /there cannot be written: EISDIR/)
  t.match(readFileSync(flags.junit, 'utf8'), /<testsuites>/)
})

t.test('what each CI system tells of its job; what makes no sense is left out', async t => {
  const github = {
    GITHUB_ACTIONS: 'true',
    GITHUB_SHA: 'abc',
    GITHUB_ACTOR: 'ann',
    GITHUB_SERVER_URL: 'https://g',
    GITHUB_REPOSITORY: 'o/r',
    GITHUB_RUN_ID: '1'
  }
  t.strictSame(ciJobOf({ ...github, GITHUB_STEP_SUMMARY: '/s', GITHUB_OUTPUT: '/o' }), {
    system: 'GitHub Actions',
    change: { commit: 'abc', author: 'ann', url: 'https://g/o/r/actions/runs/1' },
    stepSummary: '/s',
    outputs: '/o'
  })
  t.strictSame(ciJobOf({ GITLAB_CI: 'true', CI_COMMIT_SHA: 'abc', GITLAB_USER_LOGIN: 'bo', CI_JOB_URL: 'https://gitlab/1' }), {
    system: 'GitLab CI',
    change: { commit: 'abc', author: 'bo', url: 'https://gitlab/1' }
  })
  t.strictSame(ciJobOf({ JENKINS_URL: 'https://j', GIT_COMMIT: 'abc', BUILD_URL: 'https://j/1' }), {
    system: 'Jenkins',
    change: { commit: 'abc', url: 'https://j/1' }
  })
  t.strictSame(ciJobOf({ GITLAB_CI: 'true', CI_COMMIT_SHA: ' '.repeat(3), GITLAB_USER_LOGIN: '', CI_JOB_URL: 'javascript:1' }).change, {})
  t.equal(ciJobOf({ GITHUB_ACTIONS: 'true', GITHUB_SHA: 'x'.repeat(500) }).change.commit?.length, 200)
  t.strictSame(ciJobOf({ GITHUB_SHA: 'abc', CI: 'true' }), { change: {} })
})

t.test('a picture of a long watch is 60 cells wide, and a pause in the traffic is a gap', async t => {
  const history = createHistory()
  for (let block = 1; block <= 500; block += 1)
    history.add(
      toldOf({
        standing: {
          seconds: block * 5,
          parts: [
            {
              name: 'errors',
              old: { requests: block * 100, bad: block },
              new: { requests: Math.min(block, 250) * 100, bad: Math.min(block, 250) }
            }
          ]
        }
      })
    )
  const lines = history.lines()
  t.equal(lines?.new.length, 60)
  t.match(lines?.new, /^█+·+$/)
  t.equal(lines?.old, '█'.repeat(60))
})
