import { Compile } from 'typebox/compile'
import { type Document, isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml'
import type { ConfiguredChannel } from '../domain/message.ts'
import type { TargetKind } from '../domain/objects.ts'
import type { Policy, StormLimits } from '../domain/policy.ts'
import { type LoadableChannel, normalizeChannels } from './channels.ts'
import { checkFile, type StepCheck } from './check.ts'
import { DEFAULT_STORM, normalizePolicies, stormOf } from './normalize.ts'
import { didYouMean, type Finding, formatPath, type Path, type PolicyProblem, schemaFindings } from './problem.ts'
import { type ActionSchema, fileSchema, type PolicyFile } from './schema.ts'

/** What the loader needs to know of an action. */
export interface LoadableAction extends ActionSchema {
  readonly kinds: readonly TargetKind[]
  readonly check?: (value: unknown) => string | undefined
}

/** The actions and the kinds of channel that a policy file may name. */
export interface Vocabulary {
  readonly actions: readonly LoadableAction[]
  readonly channels: readonly LoadableChannel[]
}

/** The contents of the policy files, checked, with every default filled in. */
export interface PolicySet {
  readonly policies: readonly Policy[]
  readonly sources: NonNullable<PolicyFile['sources']>
  readonly channels: Readonly<Record<string, ConfiguredChannel>>
  readonly storm: StormLimits
  /** What the files say that is allowed, and seldom meant. */
  readonly warnings: readonly PolicyProblem[]
}

export type LoadResult =
  | { readonly kind: 'loaded'; readonly set: PolicySet }
  | { readonly kind: 'bad'; readonly problems: readonly PolicyProblem[] }

/** Parses and checks the texts of the policy files. Several act as one: `sources`, `channels` and `defaults` may stand in one each. */
export function loadPolicies(texts: readonly { readonly file: string; readonly text: string }[], vocabulary: Vocabulary): LoadResult {
  const checkStep = stepChecker(vocabulary.actions)
  const schema = fileSchema(vocabulary.channels)
  const fileValidator = Compile(schema)
  const problems: PolicyProblem[] = []
  const parsed: { readonly locate: (finding: Finding) => PolicyProblem; readonly value: PolicyFile }[] = []
  for (const { file, text } of texts) {
    const lines = new LineCounter()
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
    const locate = (finding: Finding): PolicyProblem => toProblem(file, document, lines, finding)
    if (document.errors.length > 0) {
      for (const error of document.errors) {
        const at = lines.linePos(error.pos[0])
        problems.push({ file, line: at.line, column: at.col, path: '', message: `not YAML: ${error.message.split('\n')[0] ?? ''}` })
      }
      continue
    }
    if (document.contents === null) {
      problems.push({ file, line: 1, column: 1, path: '', message: 'the file is empty; it begins with `version: 1` and has `policies:`' })
      continue
    }
    const value: unknown = document.toJS({ maxAliasCount: 100 })
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
    const whole: PolicyFile = single === part ? part.value : { ...merged.file, policies: part.value.policies }
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
  if (problems.length > 0) return { kind: 'bad', problems: unique(problems) }
  const file = merged.file
  return {
    kind: 'loaded',
    set: {
      policies: normalizePolicies(file),
      sources: file.sources ?? {},
      channels: normalizeChannels(file.channels),
      storm: parsed.length === 0 ? DEFAULT_STORM : stormOf(file),
      warnings: inOrder(unique(warnings))
    }
  }
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
    for (const key of ['sources', 'channels', 'defaults'] as const) {
      if (part[key] === undefined) continue
      if (file[key] !== undefined) twice.push({ key, index })
      else file = { ...file, [key]: part[key] }
    }
    file = { ...file, policies: [...file.policies, ...part.policies] }
  }
  return { file, twice }
}

function stepChecker(actions: readonly LoadableAction[]): StepCheck {
  const validators = new Map(actions.map(action => [action.name, { schema: action.with, validator: Compile(action.with), action }]))
  return (name, value, kind, path) => {
    const known = validators.get(name)
    if (known === undefined)
      return [{ path: [...path, 'action'], message: `there is no action "${name}"; ${didYouMean(name, [...validators.keys()])}` }]
    const findings = schemaFindings(known.validator, known.schema, value, [...path, 'with'])
    if (findings.length > 0) return findings
    const wrong = known.action.check?.(value)
    return [
      ...(wrong === undefined ? [] : [{ path: [...path, 'with'], message: wrong }]),
      ...(known.action.kinds.includes(kind)
        ? []
        : [{ path: [...path, 'action'], message: `${name} works on ${known.action.kinds.join(', ')}, not on a ${kind}` }])
    ]
  }
}

function unique(problems: readonly PolicyProblem[]): PolicyProblem[] {
  const seen = new Map(problems.map(problem => [`${problem.file}:${problem.line}:${problem.column}:${problem.message}`, problem]))
  return [...seen.values()]
}

/** Finds the line and column of a path, or of the nearest part of it that is in the text. */
function toProblem(file: string, document: Document, lines: LineCounter, finding: Finding): PolicyProblem {
  let offset = 0
  for (let depth = finding.path.length; depth >= 0; depth -= 1) {
    const path = finding.path.slice(0, depth)
    const found =
      finding.atKey === true && depth === finding.path.length
        ? keyOffset(document, path)
        : valueOffset(document, path, depth === finding.path.length ? finding.offset : undefined)
    if (found === undefined) continue
    offset = found
    break
  }
  const at = lines.linePos(offset)
  return { file, line: at.line, column: at.col, path: formatPath(finding.path), message: finding.message }
}

function valueOffset(document: Document, path: Path, inside: number | undefined): number | undefined {
  const node = path.length === 0 ? document.contents : document.getIn(path, true)
  if (!isNode(node) || node.range == null) return undefined
  const start = node.range[0]
  if (inside === undefined || !isScalar(node)) return start
  if (node.type === 'PLAIN') return start + inside
  if (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') return start + 1 + inside
  // Block texts lose their indentation. So only their start is known exactly, and not a position inside them.
  return start
}

function keyOffset(document: Document, path: Path): number | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  if (!isMap(parent)) return undefined
  const pair = parent.items.find(item => isPair(item) && isScalar(item.key) && item.key.value === path.at(-1))
  return isScalar(pair?.key) ? pair.key.range?.[0] : undefined
}
