import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import type { Clock } from '../base/clock.ts'
import { ALERT_LIMITS, annotationsWithin, labelsOver } from '../domain/alert-limits.ts'
import type { Role } from '../domain/credential.ts'
import { type ObjectRef, TARGET_KINDS } from '../domain/objects.ts'
import { MODES } from '../domain/outcomes.ts'
import type { DeployGuards } from '../domain/ports/deploy-guards.ts'
import type { RunRequest } from '../domain/run.ts'
import type { Authenticator } from '../http/authentication.ts'
import { callerOf, letIn } from '../http/callers.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { registerDeployments } from './deployments.ts'
import { registerGuards } from './guards.ts'
import { registerHandOver } from './hand-over.ts'
import { registerLists } from './lists.ts'
import type { Operations } from './operations.ts'
import { type AlertSchema, ExplainSchema, RequestSchema, SwitchSchema, type TargetSchema } from './schemas.ts'
import { guardPolicyView, policyView } from './views.ts'

export interface ApiOptions {
  readonly operations: Operations
  readonly authenticator: Authenticator
  readonly clock: Clock
  /** Absent where this Astern starts no deploy guards: their routes are not there then. */
  readonly deployGuards?: DeployGuards
}

/** The HTTP API of people and CI (`docs/api.md`), but for the lists. */
export function registerApi(instance: FastifyInstance, { operations, authenticator, clock, deployGuards }: ApiOptions): void {
  const server = instance.withTypeProvider<TypeBoxTypeProvider>()
  const allow = (...roles: readonly [Role, ...Role[]]) => letIn(authenticator, ...roles)
  const nameOf = (request: object): string => callerOf(request).name

  registerLists(instance, { operations, allow })
  registerDeployments(instance, { operations, onRequest: allow('deployer') })
  registerHandOver(instance, { operations, onRequest: allow('operator') })
  if (deployGuards !== undefined) registerGuards(instance, { guards: deployGuards, clock, allow })

  server.post(
    '/api/v1/dry-runs',
    {
      onRequest: allow('operator'),
      schema: { body: RequestSchema, tags: ['runs'], summary: 'The whole decision, step by step, without a write.' }
    },
    async (request, reply) => {
      const started = await operations.dryRun(toRunRequest(operations, request.body, nameOf(request)))
      return started.kind === 'answered'
        ? reply.code(200).send(started.answer)
        : reply.code(202).header('location', `/api/v1/runs/${started.id}`).send({ id: started.id })
    }
  )

  server.post(
    '/api/v1/runs',
    {
      onRequest: allow('operator'),
      schema: {
        body: RequestSchema,
        tags: ['runs'],
        summary: 'The same for real, through the same guards. Asked again for the same while that run is not over: that run.'
      }
    },
    async (request, reply) => {
      const asked = await operations.run(toRunRequest(operations, request.body, nameOf(request)))
      return reply.code(202).header('location', `/api/v1/runs/${asked.id}`).send(asked)
    }
  )

  server.get('/api/v1/switch', { onRequest: allow('viewer'), schema: { tags: ['switch'] } }, async () => switchView(operations))
  server.put(
    '/api/v1/switch',
    {
      onRequest: allow('operator'),
      schema: {
        body: SwitchSchema,
        tags: ['switch'],
        summary: 'The kill switch: off and dry-run let everything be decided, and nothing be written.'
      }
    },
    async request => {
      const mode = MODES.find(known => known === request.body.mode)
      if (mode === undefined) throw new HttpProblem(400, 'Bad request', `mode must be one of off, dry-run, auto`)
      await operations.ledger.setSwitch({ mode, reason: request.body.reason, by: nameOf(request), at: operations.now() })
      operations.switched()
      return switchView(operations)
    }
  )

  server.get('/api/v1/policies', { onRequest: allow('viewer'), schema: { tags: ['policies'] } }, async () => ({
    items: operations.policies().map(policyView),
    guards: operations.guardPolicies().map(guardPolicyView)
  }))
  server.post(
    '/api/v1/policies/explain',
    {
      onRequest: allow('viewer'),
      schema: { body: ExplainSchema, tags: ['policies'], summary: 'Which policy would match, and what each other lacks.' }
    },
    async request => {
      checkLabels(request.body.labels)
      return { match: operations.match(request.body.labels)?.name ?? null, policies: operations.explain(request.body.labels) }
    }
  )
  server.post('/-/reload', { onRequest: allow('operator'), schema: { tags: ['policies'] } }, async (_request, reply) => {
    const result = await operations.reload()
    if (result.kind !== 'bad') return result
    const policies = result.problems.length > 0
    return reply
      .code(422)
      .type('application/problem+json')
      .send({
        type: 'about:blank',
        title: policies ? 'Policies not loaded' : 'Tokens not loaded',
        status: 422,
        detail: [
          ...(policies ? ['the policies in force are unchanged'] : []),
          ...(result.tokens === undefined ? [] : [`the tokens in force are unchanged: ${result.tokens}`])
        ].join('; '),
        problems: result.problems
      })
  })
  server.get('/api/v1/status', { onRequest: allow('viewer'), schema: { tags: ['status'] } }, async () => operations.status())
}

async function switchView(operations: Operations): Promise<Readonly<Record<string, unknown>>> {
  const state = await operations.ledger.switchState()
  return { ...state, at: new Date(state.at).toISOString() }
}

function toTarget(target: Static<typeof TargetSchema>): ObjectRef {
  const kind = TARGET_KINDS.find(known => known === target.kind)
  if (kind === undefined) throw new HttpProblem(400, 'Bad request', `target.kind must be one of ${TARGET_KINDS.join(', ')}`)
  return { kind, namespace: target.namespace, name: target.name }
}

function startOf(alert: Static<typeof AlertSchema>, now: number): number {
  if (alert.startsAt === undefined) return now
  const instant = Date.parse(alert.startsAt)
  if (Number.isNaN(instant)) throw new HttpProblem(400, 'Bad request', 'alert.startsAt must be a time in RFC 3339')
  return instant
}

/** What is asked for: one policy on one target, or whichever policy matches an alert. */
function toRunRequest(operations: Operations, body: Static<typeof RequestSchema>, by: string): RunRequest {
  const at = operations.now()
  const asked = { kind: 'request', id: operations.nextId(), by, at } as const
  if (body.alert === undefined) {
    const { policy, target } = named(operations, body)
    return { policy, trigger: { ...asked, target } }
  }
  if (body.policy !== undefined || body.target !== undefined) throw onlyOne()
  const { labels, annotations = {}, status } = body.alert
  checkLabels(labels)
  if (status === 'resolved') throw new HttpProblem(400, 'Bad request', 'alert.status is resolved: a run is about an alert that fires')
  const policy = operations.match(labels)
  if (policy === undefined)
    throw new HttpProblem(422, 'No policy matches', 'no policy matches these labels; what each one lacks stands in `policies`', {
      more: { policies: operations.explain(labels) }
    })
  return {
    policy,
    trigger: { ...asked, alert: { labels, annotations: annotationsWithin(annotations), startsAt: startOf(body.alert, at) } }
  }
}

/** The same limits as for an alert that a sender posts. */
function checkLabels(labels: Readonly<Record<string, string>>): void {
  const over = labelsOver(labels)
  if (over !== undefined) throw new HttpProblem(400, 'Bad request', `the labels are over the limit ${over}: ${ALERT_LIMITS[over]}`)
}

function named(operations: Operations, body: Static<typeof RequestSchema>) {
  if (body.policy === undefined || body.target === undefined) throw onlyOne()
  const policy = operations.policies().find(candidate => candidate.name === body.policy)
  if (policy === undefined)
    throw new HttpProblem(
      404,
      'No such policy',
      `there is no policy "${body.policy}"; there are ${
        operations
          .policies()
          .map(candidate => candidate.name)
          .join(', ') || 'none'
      }`
    )
  return { policy, target: toTarget(body.target) }
}

function onlyOne(): HttpProblem {
  return new HttpProblem(
    400,
    'Bad request',
    'the body is {"alert": {"labels": …}}, or {"policy": "…", "target": {"kind", "namespace", "name"}}'
  )
}
