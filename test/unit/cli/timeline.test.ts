import t from 'tap'
import { auditView } from '../../../src/api/audit-view.ts'
import { createNarrator } from '../../../src/cli/demo-narrator.ts'
import type { Terminal } from '../../../src/cli/terminal.ts'
import { timelineLine } from '../../../src/cli/timeline.ts'
import { AUDIT_KINDS, type AuditKind } from '../../../src/domain/audit.ts'
import { AUDIT_EXAMPLES } from '../../support/audit-examples.ts'
import { NOON } from '../../support/workloads.ts'

const same = (text: string): string => text

function terminalTo(lines: string[]): Terminal {
  const line = (text = ''): void => void lines.push(text)
  return { isTerminal: false, line, error: line, good: same, bad: same, warn: same, dim: same, bold: same }
}

/** What a kind's examples say in `astern runs ID`, behind the time and the kind. */
const SAID: Readonly<Record<AuditKind, readonly string[]>> = {
  'alerts-refused': ['label-value-bytes · 2 of source am'],
  'incident-opened': [''],
  'incident-reopened': [''],
  'incident-resolved': [''],
  'incident-expired': [''],
  'no-policy-matches': [''],
  'run-started': ['undo', 'undo'],
  'run-reopened': [''],
  decision: [
    'put revision 1 back · act',
    'frozen · hold · until Monday',
    'inconclusive · hold · q: no series · the API server warns: would violate PodSecurity · not looked at: Secret key (no right to get secrets)',
    'mode-dry-run · would act · would put'
  ],
  intent: ['put revision 1 back'],
  'intent-withdrawn': ['changed-since-symptom · it changed'],
  write: ['answered · put revision 1 back', 'unknown · sent twice'],
  rollout: ['3 of 3 are updated and available', 'api-0 hangs in Terminating'],
  'on-the-way': [''],
  confirmation: ['pass'],
  'next-step': ['', ''],
  concluded: ['recovered · put back', 'storm · denied · 50', 'frozen · dry-run · f'],
  told: ['', ''],
  'would-tell': [''],
  delivered: ['people'],
  'delivery-failed': ['503 · people'],
  switch: ['incident 7'],
  'policies-loaded': ['', ''],
  storm: [''],
  'deploy-marker': ['', ''],
  'fields-given-up': ['given-up · deployments/api', 'kept · forbidden'],
  'loan-returned': ['applied · scale back to 3', 'people took it back'],
  'loan-kept': ['conflict · somebody changed it since'],
  reminded: ['scale back to 3'],
  'guard-started': ['asked for by ci', 'asked for by ci'],
  'guard-judges': [''],
  'guard-ended': ['rolled-back · errors'],
  'handed-over': ['ann has it · I look', 'Ada has it · and Astern stops watching'],
  'blindness-began': ['watchdog · it was never heard'],
  'blindness-over': ['watchdog · it is heard']
}

const views = (kind: AuditKind): readonly unknown[] =>
  AUDIT_EXAMPLES[kind].map(fact => JSON.parse(JSON.stringify(auditView({ ...fact, seq: 1, hash: 'h', previous: 'p' }))))

t.test('every kind has its line in a timeline', async t => {
  const terminal = terminalTo([])
  for (const kind of AUDIT_KINDS) {
    const at = kind === 'deploy-marker' ? '' : '12:00:00.000'
    t.same(
      views(kind).map(view => timelineLine(terminal, view)),
      SAID[kind].map(said => `${at}  ${kind.padEnd(18)} ${said}`),
      kind
    )
  }
})

t.test('what only a newer server knows is told as it is', async t => {
  const terminal = terminalTo([])
  const place = { seq: 1, at: '2026-11-21T12:00:00.000Z', run: 'r1', hash: 'h', previous: 'p' }
  t.equal(timelineLine(terminal, { ...place, kind: 'approved', by: 'ann' }), '12:00:00.000  approved           {"by":"ann"}')
  t.equal(
    timelineLine(terminal, { ...place, kind: 'rollout', step: 0, state: 'paused', detail: 'x' }),
    '12:00:00.000  rollout            {"step":0,"state":"paused","detail":"x"}'
  )
  t.equal(timelineLine(terminal, 'a text'), `${' '.repeat(21)}"a text"`)
  t.match(
    timelineLine(terminal, { ...place, kind: 'x\u001b[31m', by: '\u001b[31m' }),
    /^[ -~]+$/,
    'no control character reaches the terminal'
  )
})

t.test('the demo’s story, row by row', async t => {
  const lines: string[] = []
  const narrator = createNarrator(terminalTo(lines), () => NOON)
  for (const kind of AUDIT_KINDS)
    for (const fact of AUDIT_EXAMPLES[kind].slice(0, 1)) narrator.row({ ...fact, seq: 1, hash: 'h', previous: 'p' })
  const [, held, , dry] = AUDIT_EXAMPLES.decision
  for (const fact of [held, dry]) if (fact !== undefined) narrator.row({ ...fact, seq: 1, hash: 'h', previous: 'p' })
  t.same(
    lines.map(line => line.replace('  0.0 s  ', '').trimStart()),
    [
      'alert      HighErrorRatio fires for shop/api; delivered by Alertmanager, stored before it was acknowledged',
      'resolved   Alertmanager says that the alert is gone (evidence, not proof)',
      'matched    policy undo, target Deployment shop/api',
      'verified   error ratio 40.0 %, 40.0 %: fail; all guards agree; decided in 0.0 s',
      'intent     put revision 1 back (plan hash-of-it, durable before the write)',
      'wrote      rollout-undo: accepted with its preconditions; to undo: kubectl rollout undo',
      'rolled out 3 of 3 are updated and available',
      'confirm    error ratio 40.0 % → pass (1 of 3)',
      'recovered  put back',
      'told       people, by people, oncall',
      'waits      frozen: until Monday',
      'verified   error ratio 40.0 %, 40.0 %: fail; all guards agree; decided in 0.0 s'
    ]
  )
})
