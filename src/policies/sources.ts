import { validateHeaderName, validateHeaderValue } from 'node:http'
import { baseUrlFault } from '../base/redacted-url.ts'
import type { Finding, Path } from './problem.ts'
import type { PolicyFile } from './schema.ts'

type SourceSettings = NonNullable<NonNullable<PolicyFile['sources']>['prometheus']>

/** Headers that carry credentials, which are never in a policy. */
const CREDENTIALS = ['authorization', 'proxy-authorization', 'cookie']
/** Headers that say what Astern sends and expects. Another value would make its requests unreadable. */
const OWN = ['accept', 'accept-encoding', 'content-type', 'content-length', 'transfer-encoding', 'connection']

/** Checks what no schema can say of the sources: URLs, headers, and keys of which one would do nothing beside the other. */
export function checkSources(sources: PolicyFile['sources']): Finding[] {
  return Object.entries(sources ?? {}).flatMap(([name, source]) => checkSource(source, ['sources', name]))
}

function checkSource({ url, bearerTokenFile, basicAuth, headers, certFile, keyFile }: SourceSettings, path: Path): Finding[] {
  const fault = baseUrlFault(url)
  const findings: Finding[] = fault === undefined ? [] : [{ path: [...path, 'url'], message: `the URL ${fault}` }]
  if (bearerTokenFile !== undefined && basicAuth !== undefined)
    findings.push({
      path: [...path, 'basicAuth'],
      message: 'stands beside bearerTokenFile, and a request has one credential: remove one of them',
      atKey: true
    })
  if (certFile !== undefined && keyFile === undefined)
    findings.push({ path: [...path, 'certFile'], message: 'a client certificate needs its key: add keyFile', atKey: true })
  if (keyFile !== undefined && certFile === undefined)
    findings.push({ path: [...path, 'keyFile'], message: 'a key needs its certificate: add certFile', atKey: true })
  if (basicAuth?.username.includes(':') === true)
    findings.push({ path: [...path, 'basicAuth', 'username'], message: 'a colon ends the user name in basic authentication' })
  const seen = new Set<string>()
  for (const [header, value] of Object.entries(headers ?? {})) {
    const message = headerFault(header, value) ?? (seen.has(header.toLowerCase()) ? 'stands here twice' : undefined)
    if (message !== undefined) findings.push({ path: [...path, 'headers', header], message, atKey: true })
    seen.add(header.toLowerCase())
  }
  return findings
}

function headerFault(name: string, value: string): string | undefined {
  if (CREDENTIALS.includes(name.toLowerCase())) return 'is a credential, which never stands in a policy: use bearerTokenFile or basicAuth'
  if (OWN.includes(name.toLowerCase())) return 'is set by Astern itself'
  try {
    validateHeaderName(name)
  } catch {
    return 'is no name of a header'
  }
  try {
    validateHeaderValue(name, value)
    return undefined
  } catch {
    return 'has a value that no header can have'
  }
}
