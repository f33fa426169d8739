import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificates {
  readonly ca: string
  readonly server: { readonly cert: string; readonly key: string }
  readonly client: { readonly cert: string; readonly key: string }
}

/** Makes an authority, a server's certificate for 127.0.0.1 and a client's, with openssl. @returns the files */
export function makeCertificates(folder: string): Certificates {
  mkdirSync(folder, { recursive: true })
  const file = (name: string): string => join(folder, name)
  const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=test authority', '-keyout', file('ca.key'), '-out', file('ca.pem'))
  writeFileSync(file('server.ext'), 'subjectAltName = IP:127.0.0.1\n')
  writeFileSync(file('client.ext'), 'extendedKeyUsage = clientAuth\n')
  for (const name of ['server', 'client']) {
    openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`))
    openssl(
      ...['x509', '-req', '-in', file(`${name}.csr`), '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial'],
      ...['-days', '2', '-extfile', file(`${name}.ext`), '-out', file(`${name}.pem`)]
    )
  }
  const pair = (name: string) => ({ cert: file(`${name}.pem`), key: file(`${name}.key`) })
  return { ca: file('ca.pem'), server: pair('server'), client: pair('client') }
}
