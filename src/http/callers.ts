import type { FastifyRequest } from 'fastify'
import type { Credential, Role } from '../domain/credential.ts'
import type { Authenticator } from './authentication.ts'

// The caller of each request that was let in. A request object belongs to one server, so the map is no state that servers share.
const callers = new WeakMap<object, Credential>()

/** Makes the hook of a route that lets in only callers who may act in one of the roles. */
export function letIn(authenticator: Authenticator, ...roles: readonly [Role, ...Role[]]): (request: FastifyRequest) => Promise<void> {
  return async request => {
    callers.set(request, authenticator.authenticate(request, ...roles))
  }
}

/** Who calls. @throws Error where the route lets anybody in */
export function callerOf(request: object): Credential {
  const caller = callers.get(request)
  if (caller === undefined) throw new Error('a request was handled before its caller was let in')
  return caller
}

/** Who calls; undefined where the route lets anybody in. */
export function knownCallerOf(request: object): Credential | undefined {
  return callers.get(request)
}
