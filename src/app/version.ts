import { readFileSync } from 'node:fs'

/** The version of the package. Both `src/` and `dist/` lie beside `package.json`. */
export const VERSION = readVersion()

function readVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  if (typeof parsed !== 'object' || parsed === null || !('version' in parsed) || typeof parsed.version !== 'string')
    throw new Error('package.json has no version')
  return parsed.version
}
