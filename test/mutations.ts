/** One way to break the code on purpose, and the test that must then fail. */
export interface Mutation {
  /** Which promise (design section 4) or rule (rules, by section) is broken. */
  readonly breaks: string
  readonly what: string
  readonly file: string
  readonly from: string
  readonly to: string
  /** Test file, and the name of the test in it. */
  readonly test: string
  readonly name: string
}

const PIPELINE = 'test/unit/pipeline.test.ts'
const LIMITS = 'test/unit/limits.test.ts'
const ACTIONS = 'test/unit/actions.test.ts'
const LEDGER = 'test/unit/ledger.test.ts'
const SERVER = 'test/unit/server.test.ts'
const VERIFICATION = 'test/unit/verification.test.ts'

export const MUTATIONS: readonly Mutation[] = [
  {
    breaks: 'Promise 1',
    what: 'answer 202 though the ledger refused the delivery',
    file: 'src/webhooks/alertmanager.ts',
    from: "throw new HttpProblem(503, 'The ledger does not take writes'",
    to: "answers = []\n        void new HttpProblem(503, 'The ledger does not take writes'",
    test: SERVER,
    name: 'the ledger down: 503'
  },
  {
    breaks: 'Promise 1',
    what: 'take any number of waiting deliveries',
    file: 'src/webhooks/alertmanager.ts',
    from: 'options.ledger.pending() >= INTAKE_LIMIT',
    to: 'options.ledger.pending() < 0',
    test: SERVER,
    name: 'intake full: 503'
  },
  {
    breaks: 'Promise 1',
    what: 'answer 429 instead of 503',
    file: 'src/webhooks/alertmanager.ts',
    from: "throw new HttpProblem(503, 'Intake is full'",
    to: "throw new HttpProblem(429, 'Intake is full'",
    test: SERVER,
    name: 'intake full: 503'
  },
  {
    breaks: 'Promise 2',
    what: 'leave the template out of the preconditions',
    file: 'src/actions/template-patch.ts',
    from: "{ op: 'test', path: '/spec/template', value: workload.template }",
    to: "{ op: 'test', path: '/metadata/uid', value: workload.uid }",
    test: PIPELINE,
    name: 'the main road'
  },
  {
    breaks: 'Promise 2',
    what: 'leave the object’s uid out of the preconditions',
    file: 'src/actions/template-patch.ts',
    from: "{ op: 'test', path: '/metadata/uid', value: workload.uid }",
    to: "{ op: 'test', path: '/spec/template', value: workload.template }",
    test: PIPELINE,
    name: 'the main road'
  },
  {
    breaks: 'Promise 3',
    what: 'allow a second intent for a rung',
    file: 'src/ledger/intents.ts',
    from: 'if (existing !== undefined)',
    to: 'if (existing === null)',
    test: LEDGER,
    name: 'SQLite keeps the contract'
  },
  {
    breaks: 'Promise 3',
    what: 'send a write any number of times',
    file: 'src/pipeline/execute.ts',
    from: 'if (intent.sends >= 2)',
    to: 'if (intent.sends >= 99)',
    test: PIPELINE,
    name: 'an answer that never came is observed'
  },
  {
    breaks: 'Promise 3',
    what: 'send again without looking whether it is there',
    file: 'src/pipeline/execute.ts',
    from: "if (effect === 'seen') return written",
    to: "if (effect === 'seen' && intent.sends === 0) return written",
    test: PIPELINE,
    name: 'an answer that never came is observed'
  },
  {
    breaks: 'Promise 3',
    what: 'let a late owner save',
    file: 'src/ledger/runs.ts',
    from: 'row?.owner === claim.owner && row.fence === claim.fence ? row : undefined',
    to: 'row',
    test: LEDGER,
    name: 'SQLite keeps the contract'
  },
  {
    breaks: 'Promise 4',
    what: 'take the lock though another run has it',
    file: 'src/ledger/intents.ts',
    from: "if (lock.run_id !== run.id) return { kind: 'busy', by: lock.run_id }",
    to: '',
    test: LEDGER,
    name: 'SQLite keeps the contract'
  },
  {
    breaks: 'Promise 4',
    what: 'look past the run that works on the target',
    file: 'src/guards/target-busy.ts',
    from: 'facts.lockedBy === undefined',
    to: 'facts.lockedBy !== null',
    test: LIMITS,
    name: 'two alerts on one target'
  },
  {
    breaks: 'Promise 5',
    what: 'forget what was remembered as bad',
    file: 'src/actions/proven.ts',
    from: 'if (input.bad.includes(revision.identity))',
    to: 'if (input.bad.includes(revision.name))',
    test: ACTIONS,
    name: 'where to'
  },
  {
    breaks: 'Promise 5',
    what: 'count a restart as another version',
    file: 'src/domain/workload.ts',
    from: 'RESTART_ANNOTATION.test(key) || OWN_ANNOTATION.test(key)',
    to: 'OWN_ANNOTATION.test(key)',
    test: ACTIONS,
    name: 'identity: restarts'
  },
  {
    breaks: 'Promise 5',
    what: 'do not remember what was undone',
    file: 'src/ledger/intents.ts',
    from: 'if (!plan.remembersBad ||',
    to: 'if (plan.remembersBad ||',
    test: LEDGER,
    name: 'SQLite keeps the contract'
  },
  {
    breaks: 'Promise 6',
    what: 'take an empty answer for zero',
    file: 'src/verification/prometheus-api.ts',
    from: "if (found.length === 0) return problem('no-data', 'no series')",
    to: "if (found.length === 0) return { kind: 'number', value: 0, infos: [] }",
    test: VERIFICATION,
    name: 'each answer has its verdict'
  },
  {
    breaks: 'Promise 6',
    what: 'let NaN pass',
    file: 'src/verification/prometheus-api.ts',
    from: "if (text === 'NaN') return problem('not-a-number', 'NaN')",
    to: "if (text === 'NaN') return { kind: 'number', value: 0, infos: [] }",
    test: VERIFICATION,
    name: 'each answer has its verdict'
  },
  {
    breaks: 'Promise 6',
    what: 'ignore warnings',
    file: 'src/verification/prometheus-api.ts',
    from: 'if (warnings.length > 0)',
    to: 'if (warnings.length > 99)',
    test: VERIFICATION,
    name: 'each answer has its verdict'
  },
  {
    breaks: 'Promise 6',
    what: 'ignore old samples',
    file: 'src/verification/prometheus.ts',
    from: 'newest.value * 1_000 > query.maxAge',
    to: 'newest.value * 1_000 < 0',
    test: VERIFICATION,
    name: 'old samples decide nothing'
  },
  {
    breaks: 'Promise 6',
    what: 'ignore low traffic',
    file: 'src/verification/prometheus.ts',
    from: 'if (traffic.value < query.traffic.atLeast)',
    to: 'if (traffic.value < 0)',
    test: VERIFICATION,
    name: 'little traffic'
  },
  {
    breaks: 'Promise 7',
    what: 'write on old evidence',
    file: 'src/pipeline/recheck.ts',
    from: 'ports.clock.now() - sampledAt > FRESH_MS',
    to: 'ports.clock.now() < 0',
    test: PIPELINE,
    name: 'fresh at the write'
  },
  {
    breaks: 'Promise 7',
    what: 'do not ask the switch again',
    file: 'src/pipeline/recheck.ts',
    from: ', ...ports.guards.last]',
    to: ']',
    test: PIPELINE,
    name: 'the switch thrown between intent and write'
  },
  {
    breaks: 'Promise 8',
    what: 'no budgets',
    file: 'src/ledger/intents.ts',
    from: 'if (used < budget.limit) continue',
    to: 'if (used < Number.POSITIVE_INFINITY) continue',
    test: LEDGER,
    name: 'SQLite keeps the contract'
  },
  {
    breaks: 'Promise 8',
    what: 'no cooldown',
    file: 'src/guards/cooldown.ts',
    from: 'return now < over',
    to: 'return now < 0',
    test: LIMITS,
    name: 'cooldown is between runs'
  },
  {
    breaks: 'Promise 8',
    what: 'no storm brake',
    file: 'src/guards/storm.ts',
    from: 'if (state === undefined || now >= state.calmAt)',
    to: 'if (state === undefined || now >= 0)',
    test: LIMITS,
    name: 'a storm: fifty targets'
  },
  {
    breaks: 'Promise 8',
    what: 'count targets that do not exist',
    file: 'src/ledger/incidents.ts',
    from: ".where('target_uid', 'is not', null)",
    to: '',
    test: LIMITS,
    name: 'a storm: alerts about targets that do not exist'
  },
  {
    breaks: 'Promise 9',
    what: 'blame a change of any age',
    file: 'src/guards/change.ts',
    from: 'if (within !== undefined && at < symptom.at - within)',
    to: 'if (within !== undefined && at < 0)',
    test: PIPELINE,
    name: 'each of these goes to people at once'
  },
  {
    breaks: 'Promise 9',
    what: 'judge numbers from before the rollout',
    file: 'src/pipeline/verify.ts',
    from: 'if (over !== undefined && ports.clock.now() < over)',
    to: 'if (over !== undefined && ports.clock.now() < 0)',
    test: PIPELINE,
    name: 'evidence belongs to the suspect'
  },
  {
    breaks: 'Promise 10',
    what: 'act on a paused target',
    file: 'src/guards/target-paused.ts',
    from: 'return workload.paused ?',
    to: 'return false ?',
    test: PIPELINE,
    name: 'each of these waits'
  },
  {
    breaks: 'Promise 10',
    what: 'act against a forward fix',
    file: 'src/guards/change.ts',
    from: 'if (at > symptom.at + unclear)',
    to: 'if (at > Number.POSITIVE_INFINITY)',
    test: PIPELINE,
    name: 'each of these waits'
  },
  {
    breaks: 'Promise 10',
    what: 'ignore silences',
    file: 'src/guards/silenced.ts',
    from: 'alertState.silencedBy.length > 0',
    to: 'alertState.silencedBy.length > 99',
    test: PIPELINE,
    name: 'each of these waits'
  },
  {
    breaks: 'Promise 11',
    what: 'climb without a re-verified fail',
    file: 'src/pipeline/confirm.ts',
    from: "if (sample?.verdict !== 'fail')",
    to: "if (sample?.verdict === 'pass')",
    test: PIPELINE,
    name: 'inconclusive until the rung is over'
  },
  {
    breaks: 'Promise 11',
    what: 'tell nobody when it did not help',
    file: 'src/pipeline/messages.ts',
    from: "    case 'ineffective':\n",
    to: "    case 'ineffective':\n      return false\n",
    test: PIPELINE,
    name: 'only a re-verified fail climbs'
  },
  {
    breaks: 'Promise 12',
    what: 'put labels into queries as they are',
    file: 'src/templates/promql.ts',
    from: 'return { text: quoteString(place.regex && !isPods(hole) ? quoteRegex(value) : value, place.quote) }',
    to: 'return { text: value }',
    test: 'test/unit/templates.test.ts',
    name: 'PromQL: whatever a label says'
  },
  {
    breaks: 'Promise 12',
    what: 'do not quote values in regular expressions',
    file: 'src/templates/promql.ts',
    from: 'place.regex && !isPods(hole) ? quoteRegex(value) : value',
    to: 'value',
    test: 'test/unit/templates.test.ts',
    name: 'PromQL: in a regular expression'
  },
  {
    breaks: 'Promise 12',
    what: 'let any text be an object name',
    file: 'src/templates/object-name.ts',
    from: "rendered.kind !== 'text' || isObjectName(place, rendered.text)",
    to: 'true',
    test: 'test/unit/templates.test.ts',
    name: 'object names'
  },
  {
    breaks: 'Promise 13',
    what: 'listen on the network without tokens',
    file: 'src/config.ts',
    from: 'if (!isLoopback(config.listen.host))',
    to: 'if (false)',
    test: 'test/unit/command-line.test.ts',
    name: 'serve: what cannot start'
  },
  {
    breaks: 'Promise 13',
    what: 'let a stranger in',
    file: 'src/api/auth.ts',
    from: 'timingSafeEqual(candidate.digest, digest)',
    to: 'timingSafeEqual(digest, digest)',
    test: SERVER,
    name: 'the receiver: who may post'
  },
  {
    breaks: 'Promise 13',
    what: 'ignore roles',
    file: 'src/domain/credential.ts',
    from: 'return LADDER.indexOf(credential.role) >= LADDER.indexOf(needed)',
    to: 'return true',
    test: SERVER,
    name: 'roles'
  },
  {
    breaks: 'Promise 14',
    what: 'leave the row’s text out of its hash',
    file: 'src/domain/audit.ts',
    from: '{seq}\\n$' + '{text}',
    to: '{seq}\\n$' + '{text.length > 0}',
    test: LEDGER,
    name: 'the audit chain'
  },
  {
    breaks: 'Promise 14',
    what: 'do not compare the end of the chain with its head',
    file: 'src/ledger/audit-chain.ts',
    from: 'if (rows < head.seq)',
    to: 'if (rows < 0)',
    test: LEDGER,
    name: 'the audit chain'
  },
  {
    breaks: 'Rule 1, episodes',
    what: 'open a new incident when it flaps',
    file: 'src/domain/incident.ts',
    from: "if (newest.state === 'resolved' && now - (newest.resolvedAt ?? 0) <= REOPEN_WITHIN_MS) return 'reopened'",
    to: '',
    test: LEDGER,
    name: 'SQLite keeps the contract'
  },
  {
    breaks: 'Rule 1, episodes',
    what: 'believe a late resolve of an earlier episode',
    file: 'src/domain/incident.ts',
    from: 'if (alert.startsAt < newest.episodeStartsAt ||',
    to: 'if (alert.startsAt < 0 ||',
    test: LEDGER,
    name: 'SQLite keeps the contract'
  },
  {
    breaks: 'Rule 1, clock',
    what: 'begin the clock anew at each heartbeat',
    file: 'src/domain/run.ts',
    from: 'return run.incident.openedAt + run.policy.escalate.after',
    to: 'return run.incident.lastSeenAt + run.policy.escalate.after',
    test: PIPELINE,
    name: 'an incident that resolves before a write'
  },
  {
    breaks: 'Rule 1, clock',
    what: 'no end to the time to act',
    file: 'src/domain/run.ts',
    from: 'return run.incident.openedAt + run.policy.escalate.after',
    to: 'return run.incident.openedAt * 2',
    test: PIPELINE,
    name: 'a weekend’s pause'
  },
  {
    breaks: 'Rule 1, policies',
    what: 'go by the old policy alone after a reload',
    file: 'src/guards/namespaces.ts',
    from: 'for (const version of [policy, current])',
    to: 'for (const version of [policy])',
    test: PIPELINE,
    name: 'after a reload the stricter'
  },
  {
    breaks: 'Rule 2, order',
    what: 'count from startsAt, not activeAt',
    file: 'src/pipeline/resolve.ts',
    from: 'return active !== undefined && active - offset <= starts',
    to: 'return active !== undefined && active < 0',
    test: PIPELINE,
    name: 'symptom start is the rule’s activeAt'
  },
  {
    breaks: 'Rule 2, change time',
    what: 'believe one witness of a re-used ReplicaSet',
    file: 'src/domain/change.ts',
    from: 'if (Math.abs(progressedAt - managedAt) > AGREE_WITHIN_MS)',
    to: 'if (Math.abs(progressedAt - managedAt) < 0)',
    test: ACTIONS,
    name: 'when it changed'
  },
  {
    breaks: 'Rule 2, proven',
    what: 'count an incident’s time as proof',
    file: 'src/actions/proven.ts',
    from: 'return quiet ? undefined',
    to: 'return quiet || true ? undefined',
    test: ACTIONS,
    name: 'proven: long enough'
  },
  {
    breaks: 'Rule 2, redeployed',
    what: 'undo a redeployed version again',
    file: 'src/guards/redeployed-bad.ts',
    from: 'known.identity === workload.identity && now - known.at < DAY',
    to: 'known.identity === workload.identity && now - known.at < 0',
    test: PIPELINE,
    name: 'never back to the bad version'
  },
  {
    breaks: 'Rule 3, replan',
    what: 'plan again for ever',
    file: 'src/pipeline/advance.ts',
    from: 'if (replans >= REPLANS)',
    to: 'if (replans >= REPLANS * 2)',
    test: PIPELINE,
    name: 'a failed precondition with the same template'
  },
  {
    breaks: 'Rule 4, confirm',
    what: 'confirm beyond the escalation',
    file: 'src/pipeline/execute.ts',
    from: 'Math.min(now + step.confirm.within, Math.max(now, escalatesAt(run)))',
    to: 'now + step.confirm.within',
    test: PIPELINE,
    name: 'a rung’s confirmation is cut'
  },
  {
    breaks: 'Rule 5',
    what: 'take samples whose window reaches back before the rollout',
    file: 'src/pipeline/confirm.ts',
    from: 'return Math.max(...run.policy.verify.map(query => query.window))',
    to: 'return 0',
    test: PIPELINE,
    name: 'confirmation: samples count only'
  },
  {
    breaks: 'Rule 5',
    what: 'count passes that are not in a row',
    file: 'src/pipeline/confirm.ts',
    from: 'progress.passes + 1 : 0',
    to: 'progress.passes + 1 : progress.passes',
    test: PIPELINE,
    name: 'confirmation: samples count only'
  },
  {
    breaks: 'Rule 6, dry-run',
    what: 'tell people in dry-run',
    file: 'src/pipeline/conclude.ts',
    from: 'const silent = isDryRun(ports, run)',
    to: 'const silent = false',
    test: PIPELINE,
    name: 'dry-run: the same decision'
  },
  {
    breaks: 'Rule 6, audit',
    what: 'audit every look',
    file: 'src/pipeline/advance.ts',
    from: 'audit: same ? [] : audit',
    to: 'audit',
    test: PIPELINE,
    name: 'each of these waits'
  },
  {
    breaks: 'Rule 7',
    what: 'let auto go without a channel',
    file: 'src/policies/check.ts',
    from: "message: 'mode auto needs a channel in escalate.to",
    to: "message: 'x",
    test: 'test/unit/policies.test.ts',
    name: 'each mistake is told'
  }
]
