import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Secrets } from '../base/secrets.ts'

/** Reads files with credentials. Whatever comes out of one is known from then on, and scrubbed from all that is told. */
export interface SecretFiles {
  /** Reads one, without the white space around it. Rejects where it cannot be read; the error names the file only. */
  read(path: string): Promise<string>
  /** The same at once. @throws where it cannot be read */
  readNow(path: string): string
}

export function createSecretFiles(secrets: Secrets): SecretFiles {
  const known = (text: string): string => {
    const value = text.trim()
    secrets.know(value)
    return value
  }
  return {
    read: async path => known(await readFile(path, 'utf8')),
    readNow: path => known(readFileSync(path, 'utf8'))
  }
}
