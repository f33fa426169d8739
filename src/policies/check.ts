import { parseTemplate } from '../templates/template.ts'
import { checkBlind } from './blind.ts'
import { checkChannels, type LoadableChannel } from './channels.ts'
import { checkConfirm } from './check-confirm.ts'
import { checkEscalation } from './check-escalation.ts'
import { checkGuards } from './check-guards.ts'
import { checkPeople } from './check-people.ts'
import { checkCondition, checkVerification } from './check-queries.ts'
import { parseMatchers } from './matchers.ts'
import type { Finding, Path } from './problem.ts'
import type { PolicyFile } from './schema.ts'
import { checkSources } from './sources.ts'
import type { StepCheck } from './step-check.ts'

type FilePolicy = PolicyFile['policies'][number]

/** Checks what no schema can say: the rules between fields, and the languages inside texts (rules 7). */
export function checkFile(file: PolicyFile, checkStep: StepCheck, channels: readonly LoadableChannel[]): Finding[] {
  const findings = [...checkSources(file.sources), ...checkChannels(file.channels, channels), ...checkPeople(file), ...checkBlind(file)]
  const names = new Map<string, number>()
  for (const [index, policy] of file.policies.entries()) {
    const path: Path = ['policies', index]
    const first = names.get(policy.name)
    if (first !== undefined) findings.push({ path: [...path, 'name'], message: `the name "${policy.name}" is taken by policies[${first}]` })
    else names.set(policy.name, index)
    findings.push(...checkPolicy(policy, file, path, checkStep))
  }
  findings.push(...checkGuards(file, checkStep))
  findings.push(...checkEscalation(file.defaults?.escalate, file, ['defaults', 'escalate']))
  return findings
}

function checkPolicy(policy: FilePolicy, file: PolicyFile, path: Path, checkStep: StepCheck): Finding[] {
  const findings: Finding[] = []
  for (const [index, matcher] of policy.match.entries()) {
    const parsed = parseMatchers(matcher)
    if ('error' in parsed) findings.push({ path: [...path, 'match', index], message: parsed.error })
  }
  findings.push(...checkTarget(policy.target, [...path, 'target']))
  for (const [index, query] of policy.verify.entries()) findings.push(...checkVerification(query, [...path, 'verify', index]))
  findings.push(...checkConfirm(policy, path))
  const seen = new Set<string>()
  for (const [index, step] of policy.steps.entries()) {
    const at: Path = [...path, 'steps', index]
    findings.push(...checkStep(step.action, step.with ?? {}, (step.target ?? policy.target).kind, at))
    if (step.target !== undefined) findings.push(...checkTarget(step.target, [...at, 'target']))
    for (const [number, condition] of (step.when?.queries ?? []).entries())
      findings.push(...checkCondition(condition, [...at, 'when', 'queries', number]))
    const { kind, namespace, name } = step.target ?? policy.target
    const rung = `${step.action} ${kind}/${namespace}/${name}`
    if (seen.has(rung))
      findings.push({ path: [...at, 'action'], message: `"${step.action}" stands in the ladder twice; each rung is climbed once` })
    seen.add(rung)
  }
  findings.push(...checkEscalation(policy.escalate, file, [...path, 'escalate']))
  const mode = policy.mode ?? file.defaults?.mode ?? 'dry-run'
  if (mode === 'auto') {
    if ((policy.guards?.namespaces ?? file.defaults?.guards?.namespaces ?? []).length === 0)
      findings.push({ path, message: 'mode auto needs guards.namespaces, here or in defaults: where may Astern write?' })
    if ((policy.escalate?.to ?? file.defaults?.escalate?.to ?? []).length === 0)
      findings.push({ path, message: 'mode auto needs a channel in escalate.to: whom does Astern tell when it must not or cannot act?' })
  }
  if (mode !== 'off' && file.sources?.prometheus === undefined)
    findings.push({ path, message: 'there is no sources.prometheus to verify with' })
  return findings
}

function checkTarget(target: FilePolicy['target'], path: Path): Finding[] {
  return (['namespace', 'name'] as const).flatMap((key): Finding[] => {
    const template = parseTemplate(target[key])
    if ('error' in template) return [{ path: [...path, key], message: template.error, offset: template.offset }]
    return template.holes.some(hole => hole.root === 'target')
      ? [{ path: [...path, key], message: 'the target cannot be made from itself: use labels or annotations' }]
      : []
  })
}
