import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { type Credential, LOCAL, mayAct, ROLES, type Role } from '../domain/credential.ts'
import { placeOf } from '../yaml/place.ts'
import { type ReadYaml, readYaml } from '../yaml/read.ts'
import { HttpProblem } from './http-problem.ts'

const TokensSchema = Type.Object(
  {
    tokens: Type.Array(
      Type.Object(
        {
          name: Type.String({ minLength: 1 }),
          role: Type.Enum([...ROLES]),
          sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
          source: Type.Optional(Type.String({ minLength: 1 })),
          alertmanager: Type.Optional(Type.Boolean()),
          namespaces: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }))
        },
        { additionalProperties: false }
      ),
      { minItems: 1 }
    )
  },
  { additionalProperties: false }
)
const validator = Compile(TokensSchema)

/** A tokens file cannot be used. The message says where and why. */
export class TokensError extends Error {}

/** Finds out who a caller is, and what the caller may do. */
export interface Authenticator {
  /** Any of the roles is enough. @throws HttpProblem 401 for an unknown caller, 403 for the wrong role. */
  authenticate(request: FastifyRequest, ...needed: readonly [Role, ...Role[]]): Credential
  /** Whether alerts of that source come from the Alertmanager that is configured as a source, so that it must know them. */
  confirmed(source: string): boolean
  /** Whether any token says that it is that Alertmanager's. */
  readonly needsAlertmanager: boolean
}

interface Known {
  readonly digest: Buffer
  readonly credential: Credential
}

/** Parses `tokens.yaml`; it holds digests, never tokens. @throws TokensError */
export function parseTokens(text: string, file: string): Authenticator {
  const yaml = readYaml(text)
  if (yaml.kind === 'bad') {
    const [fault] = yaml.faults
    // The sentence that quotes the text is left out: a credential may have been pasted into the wrong place.
    throw new TokensError(
      `${file} is not YAML at line ${fault?.line}, column ${fault?.column}${fault?.safe === '' ? '' : `: ${fault?.safe}`}`
    )
  }
  const { value } = yaml
  if (!validator.Check(value)) throw new TokensError(`${file}: ${schemaFault(yaml)}; make lines for it with \`astern token create\``)
  const names = new Set<string>()
  const known: Known[] = value.tokens.map(token => {
    if (names.has(token.name)) throw new TokensError(`${file}: the name "${token.name}" stands twice`)
    names.add(token.name)
    if ((token.source ?? token.name) === LOCAL)
      throw new TokensError(
        `${file}: "${LOCAL}" is what everyone is called while there are no tokens; give the token another name or source`
      )
    if (token.alertmanager === true && token.role !== 'webhook')
      throw new TokensError(`${file}: only a token of the role webhook can be that of an Alertmanager, and ${token.name} is ${token.role}`)
    checkNamespaces(token, file)
    const role = ROLES.find(candidate => candidate === token.role)
    if (role === undefined) throw new TokensError(`${file}: unknown role ${token.role}`)
    return {
      digest: Buffer.from(token.sha256, 'hex'),
      credential: {
        name: token.name,
        role,
        source: token.source ?? token.name,
        ...(token.namespaces === undefined ? {} : { namespaces: token.namespaces })
      }
    }
  })
  const confirmed = new Set(value.tokens.flatMap(token => (token.alertmanager === true ? [token.source ?? token.name] : [])))
  return {
    confirmed: source => confirmed.has(source),
    needsAlertmanager: confirmed.size > 0,
    authenticate(request, ...needed) {
      const token = tokenOf(request)
      const credential = token === undefined ? undefined : find(known, token)
      if (credential === undefined)
        throw new HttpProblem(
          401,
          'Not authenticated',
          token === undefined
            ? 'give a token: `Authorization: Bearer …`, or as the password of basic authentication'
            : 'the token is not known'
        )
      if (!needed.some(role => mayAct(credential, role)))
        throw new HttpProblem(403, 'Not allowed', `this needs the role ${needed.join(' or ')}; ${credential.name} has ${credential.role}`)
      return credential
    }
  }
}

function schemaFault(yaml: ReadYaml): string {
  const first = validator.Errors(yaml.value)[0]
  const path = first?.instancePath.split('/').slice(1) ?? []
  const { line, column } = placeOf(
    yaml,
    path.map(part => (/^\d+$/.test(part) ? Number(part) : part))
  )
  const what = path.length === 0 ? 'the file' : path.join('.')
  return `${what} (line ${line}, column ${column}) ${first?.message ?? 'is not what is expected'}`
}

/** A token that may deploy anywhere would be an operator's, and namespaces that limit nothing would let people believe in them. */
function checkNamespaces(token: Static<typeof TokensSchema>['tokens'][number], file: string): void {
  if (token.role === 'deployer' && token.namespaces === undefined)
    throw new TokensError(`${file}: ${token.name} is a deployer, and must say where: namespaces: [shop]`)
  if (token.role !== 'deployer' && token.namespaces !== undefined)
    throw new TokensError(`${file}: only a deployer is limited to namespaces, and ${token.name} is ${token.role}`)
}

/** Lets everyone in, where there are no tokens. The configuration then allows only the loopback interface. */
export const openAuthenticator: Authenticator = {
  confirmed: () => false,
  needsAlertmanager: false,
  authenticate: () => ({ name: LOCAL, role: 'approver', source: LOCAL })
}

/** Compares every digest, each in constant time. So the time that it takes does not show which digest came near. */
function find(known: readonly Known[], token: string): Credential | undefined {
  const digest = createHash('sha256').update(token).digest()
  let found: Credential | undefined
  for (const candidate of known) if (timingSafeEqual(candidate.digest, digest)) found = candidate.credential
  return found
}

function tokenOf(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization
  if (header === undefined) return undefined
  const [scheme = '', value = ''] = header.split(/\s+/, 2)
  if (scheme.toLowerCase() === 'bearer') return value
  if (scheme.toLowerCase() !== 'basic') return undefined
  const decoded = Buffer.from(value, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  return colon === -1 ? undefined : decoded.slice(colon + 1)
}
