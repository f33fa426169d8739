import { hash } from 'node:crypto'
import { canonicalJson } from './json.ts'

/** Lower-case hex SHA-256 of a text. */
export function sha256(text: string): string {
  return hash('sha256', text)
}

/** SHA-256 of the canonical JSON of a value. */
export function hashOf(value: unknown): string {
  return sha256(canonicalJson(value))
}

/** Astern's own identity of an alert. The sender's `fingerprint` is not used, because anyone can set it (rules 1). */
export function labelsIdentity(labels: Readonly<Record<string, string>>): string {
  return hashOf(labels).slice(0, 32)
}
