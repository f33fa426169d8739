import { distance } from 'fastest-levenshtein'
import type { Static, TSchema } from 'typebox'
import type { Validator } from 'typebox/compile'
import { isObject, type JsonObject } from '../base/json.ts'

/** A mistake in a policy file: what is wrong, where, and what to write instead. */
export interface PolicyProblem {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Such as `policies[0].verify[1].promql`. */
  readonly path: string
  readonly message: string
}

export type Path = readonly (string | number)[]

export interface Finding {
  readonly path: Path
  readonly message: string
  /** True where the key is wrong, and not its value. */
  readonly atKey?: boolean
  /** Characters into the value, for errors inside a text such as a query. */
  readonly offset?: number
  /** True for advice: the file loads all the same. */
  readonly warning?: true
}

export function formatPath(path: Path): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('')
}

/** The known word that is nearest to a mistyped one, if it is near enough to be meant. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map(candidate => ({ candidate, distance: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : undefined
}

export function didYouMean(word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  if (near !== undefined) return `did you mean "${near}"?`
  return known.length === 0 ? 'nothing is known here' : `known here: ${known.join(', ')}`
}

/** Turns the findings of a schema check into sentences. */
export function schemaFindings<S extends TSchema>(
  validator: Validator<Record<string, never>, S, Static<S>>,
  schema: TSchema,
  value: unknown,
  base: Path = []
): Finding[] {
  const findings: Finding[] = []
  for (const error of validator.Errors(value)) {
    const path = [...base, ...pointerPath(error.instancePath, value)]
    const params: JsonObject = isObject(error.params) ? error.params : {}
    switch (error.keyword) {
      // The schema check reports an unknown key twice. This is the second report, for the key's value.
      case 'boolean':
        break
      case 'additionalProperties':
        for (const key of strings(params['additionalProperties'])) {
          findings.push({
            path: [...path, key],
            message: `unknown key "${key}"; ${didYouMean(key, knownKeys(schema, error.schemaPath))}`,
            atKey: true
          })
        }
        break
      case 'required':
        for (const key of strings(params['requiredProperties'])) findings.push({ path, message: `"${key}" is missing` })
        break
      case 'enum':
        findings.push({ path, message: `must be one of ${strings(params['allowedValues']).join(', ')}` })
        break
      case 'const':
        findings.push({ path, message: `must be ${JSON.stringify(params['allowedValue'])}` })
        break
      case 'pattern':
        findings.push({ path, message: patternMessage(schema, error.schemaPath, String(params['pattern'])) })
        break
      default:
        findings.push({ path, message: error.message })
    }
  }
  return findings
}

function patternMessage(schema: TSchema, schemaPath: string, pattern: string): string {
  const description = schemaAt(schema, schemaPath)['description']
  return typeof description === 'string' ? `is not what belongs here: ${description}` : `must match ${pattern}`
}

function pointerPath(pointer: string, value: unknown): Path {
  let current = value
  return pointer
    .split('/')
    .slice(1)
    .map(part => {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
      const step = Array.isArray(current) ? Number(key) : key
      current = Array.isArray(current) ? current[Number(key)] : isObject(current) ? current[key] : undefined
      return step
    })
}

function schemaAt(schema: TSchema, schemaPath: string): JsonObject {
  let current: unknown = schema
  for (const part of schemaPath.split('/').slice(1)) {
    current = Array.isArray(current)
      ? current[Number(part)]
      : isObject(current)
        ? current[part.replaceAll('~1', '/').replaceAll('~0', '~')]
        : undefined
  }
  return isObject(current) ? current : {}
}

function knownKeys(schema: TSchema, schemaPath: string): string[] {
  const properties = schemaAt(schema, schemaPath)['properties']
  return isObject(properties) ? Object.keys(properties) : []
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}
