import { MINUTE } from '../base/clock.ts'
import { parseDuration } from '../base/duration.ts'
import type { HeartbeatSettings } from '../domain/heartbeat.ts'
import type { PolicyFile } from './schema.ts'

/** The heartbeat of a checked file, with its defaults. */
export function heartbeatOf({ urlFile, every, method, authorizationFile }: NonNullable<PolicyFile['heartbeat']>): HeartbeatSettings {
  return {
    urlFile,
    method: method ?? 'GET',
    ...(authorizationFile === undefined ? {} : { authorizationFile }),
    every: parseDuration(every ?? '') ?? MINUTE
  }
}
