import { Compile } from 'typebox/compile'
import type { BlindSettings } from '../domain/blindness.ts'
import type { GuardPolicy } from '../domain/deploy-guard.ts'
import type { HeartbeatSettings } from '../domain/heartbeat.ts'
import type { ConfiguredChannel } from '../domain/message.ts'
import type { Person } from '../domain/person.ts'
import type { Policy, StormLimits } from '../domain/policy.ts'
import { placeOf, writtenAt } from '../yaml/place.ts'
import { type ReadYaml, readYaml } from '../yaml/read.ts'
import { blindOf } from './blind.ts'
import { type LoadableChannel, normalizeChannels } from './channels.ts'
import { checkFile } from './check.ts'
import { checkGuardOrder, type PlacedGuard } from './check-guards.ts'
import { heartbeatOf } from './heartbeat.ts'
import { type NamedFile, namedFiles } from './named-files.ts'
import { DEFAULT_STORM, normalizePolicies, stormOf } from './normalize.ts'
import { normalizeGuards } from './normalize-guards.ts'
import { type Finding, formatPath, type Path, type PolicyProblem, schemaFindings } from './problem.ts'
import { fileSchema, type PolicyFile } from './schema.ts'
import { type LoadableAction, stepChecker } from './step-check.ts'

/** The actions and the kinds of channel that a policy file may name. */
export interface Vocabulary {
  readonly actions: readonly LoadableAction[]
  readonly channels: readonly LoadableChannel[]
}

/** The contents of the policy files, checked, with every default filled in. */
export interface PolicySet {
  readonly policies: readonly Policy[]
  /** In the order in which they are looked at: the first that covers a namespace rules it. */
  readonly guards: readonly GuardPolicy[]
  readonly sources: NonNullable<PolicyFile['sources']>
  readonly channels: Readonly<Record<string, ConfiguredChannel>>
  /** Who may answer what Astern tells. */
  readonly people: readonly Person[]
  readonly storm: StormLimits
  readonly heartbeat?: HeartbeatSettings
  readonly blind: BlindSettings
  /** What the files say that is allowed, and seldom meant. */
  readonly warnings: readonly PolicyProblem[]
}

/** One of the files, and how what is wrong in it gets its place. */
interface ParsedFile {
  readonly locate: (finding: Finding) => PolicyProblem
  readonly value: PolicyFile
}

/** The schema check's words for a value that should be a text. */
const NO_TEXT = 'must be string'

export type LoadResult =
  /** `files`: what the policy files name and the loader has not looked at, because it reads nothing. */
  | { readonly kind: 'loaded'; readonly set: PolicySet; readonly files: readonly NamedFile[] }
  | { readonly kind: 'bad'; readonly problems: readonly PolicyProblem[] }

/** Parses and checks the texts of the policy files. Several act as one: `sources`, `channels`, `people` and `defaults` may stand in one each. */
export function loadPolicies(texts: readonly { readonly file: string; readonly text: string }[], vocabulary: Vocabulary): LoadResult {
  const checkStep = stepChecker(vocabulary.actions)
  const schema = fileSchema(vocabulary.channels)
  const fileValidator = Compile(schema)
  const problems: PolicyProblem[] = []
  const parsed: ParsedFile[] = []
  for (const { file, text } of texts) {
    const yaml = readYaml(text)
    if (yaml.kind === 'bad') {
      for (const { line, column, message } of yaml.faults) problems.push({ file, line, column, path: '', message: `not YAML: ${message}` })
      continue
    }
    const locate = (finding: Finding): PolicyProblem => toProblem(file, yaml, finding)
    const { value } = yaml
    if (value === null) {
      problems.push({ file, line: 1, column: 1, path: '', message: 'the file is empty; it begins with `version: 1` and has `policies:`' })
      continue
    }
    const findings = schemaFindings(fileValidator, schema, value)
    if (findings.length > 0 || !fileValidator.Check(value)) problems.push(...inOrder(findings.map(locate)))
    else parsed.push({ locate, value })
  }
  if (problems.length > 0) return { kind: 'bad', problems }
  const warnings: PolicyProblem[] = []
  const merged = merge(parsed.map(part => part.value))
  const single = parsed.length === 1 ? parsed[0] : undefined
  for (const part of parsed) {
    // One of several files may name channels, and rely on defaults, of another.
    const whole: PolicyFile =
      single === part ? part.value : { ...merged.file, policies: part.value.policies, guards: part.value.guards ?? [] }
    for (const finding of checkFile(whole, checkStep, vocabulary.channels))
      (finding.warning === true ? warnings : problems).push(part.locate(finding))
  }
  problems.push(
    ...merged.twice
      .map(({ key, index }) =>
        (parsed[index] ?? parsed[0])?.locate({ path: [key], message: `"${key}" is said in another file already`, atKey: true })
      )
      .filter(problem => problem !== undefined)
  )
  const taken = new Set<string>()
  for (const [index, part] of parsed.entries()) {
    for (const [at, policy] of part.value.policies.entries()) {
      if (taken.has(policy.name) && index > 0)
        problems.push(
          part.locate({ path: ['policies', at, 'name'], message: `the name "${policy.name}" is taken by a policy in another file` })
        )
      taken.add(policy.name)
    }
  }
  problems.push(...guardClashes(parsed, merged.file, taken))
  if (problems.length > 0) return { kind: 'bad', problems: unique(problems) }
  const file = merged.file
  const files = parsed.flatMap(({ locate, value }) =>
    [...namedFiles(schema, value), ...filesOfSteps(value, vocabulary.actions)].map(
      ({ path, file }): NamedFile => ({ file, key: String(path.at(-1)), problem: message => locate({ path, message }) })
    )
  )
  return {
    kind: 'loaded',
    files,
    set: {
      policies: normalizePolicies(file),
      guards: normalizeGuards(file),
      sources: file.sources ?? {},
      channels: normalizeChannels(file.channels),
      people: file.people ?? [],
      storm: parsed.length === 0 ? DEFAULT_STORM : stormOf(file),
      blind: blindOf(file),
      ...(file.heartbeat === undefined ? {} : { heartbeat: heartbeatOf(file.heartbeat) }),
      warnings: inOrder(unique(warnings))
    }
  }
}

/** What is wrong with entries of `guards:` because of others, in whichever file they are. */
function guardClashes(parsed: readonly ParsedFile[], { defaults }: PolicyFile, policies: ReadonlySet<string>): readonly PolicyProblem[] {
  const placed = parsed.flatMap(({ locate, value }) =>
    (value.guards ?? []).map((entry, at): PlacedGuard & Pick<ParsedFile, 'locate'> => ({
      entry,
      namespaces: entry.namespaces ?? defaults?.guards?.namespaces ?? [],
      path: ['guards', at],
      locate
    }))
  )
  return checkGuardOrder(placed, policies).flatMap(({ index, finding }) => placed[index]?.locate(finding) ?? [])
}

/** The schema of the file leaves open what is in a step's `with`. */
function filesOfSteps(file: PolicyFile, actions: readonly LoadableAction[]): ReturnType<typeof namedFiles> {
  const ladders = [
    ...file.policies.map(({ steps }, index) => ({ steps, path: ['policies', index] })),
    ...(file.guards ?? []).map(({ steps = [] }, index) => ({ steps, path: ['guards', index] }))
  ]
  return ladders.flatMap(({ steps, path }) =>
    steps.flatMap((step, at) => {
      const action = actions.find(({ name }) => name === step.action)
      return action === undefined ? [] : namedFiles(action.with, step.with, [...path, 'steps', at, 'with'])
    })
  )
}

/** Sorts problems in the order of the file. */
function inOrder(problems: readonly PolicyProblem[]): PolicyProblem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column)
}

function merge(files: readonly PolicyFile[]): {
  readonly file: PolicyFile
  readonly twice: readonly { readonly key: string; readonly index: number }[]
} {
  const twice: { readonly key: string; readonly index: number }[] = []
  let file: PolicyFile = { version: 1, policies: [] }
  for (const [index, part] of files.entries()) {
    for (const key of ['sources', 'channels', 'people', 'heartbeat', 'blind', 'defaults'] as const) {
      if (part[key] === undefined) continue
      if (file[key] !== undefined) twice.push({ key, index })
      else file = { ...file, [key]: part[key] }
    }
    file = { ...file, policies: [...file.policies, ...part.policies], guards: [...(file.guards ?? []), ...(part.guards ?? [])] }
  }
  return { file, twice }
}

function unique(problems: readonly PolicyProblem[]): PolicyProblem[] {
  const seen = new Map(problems.map(problem => [`${problem.file}:${problem.line}:${problem.column}:${problem.message}`, problem]))
  return [...seen.values()]
}

function toProblem(file: string, yaml: ReadYaml, { path, message, atKey, offset }: Finding): PolicyProblem {
  return { file, ...placeOf(yaml, path, { atKey, offset }), path: formatPath(path), message: message + quotesFor(yaml, path, message) }
}

/** What is a number, a map or a list only because its quotes are missing, such as `promql: {job="api"}` or a tenant `7`. */
function quotesFor(yaml: ReadYaml, path: Path, message: string): string {
  const written = message === NO_TEXT ? writtenAt(yaml, path) : undefined
  return written === undefined || written === '' || written.includes('\n') ? '' : `: put it in quotes, as in ${quoted(written)}`
}

function quoted(text: string): string {
  return text.includes('"') ? `'${text}'` : `"${text}"`
}
