import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { type Config, ConfigError } from '../config.ts'
import { type Authenticator, openAuthenticator, parseTokens } from './authentication.ts'

/** Reads who may call. @throws ConfigError, TokensError where the tokens file cannot be used */
export function readTokens(config: Config): Authenticator {
  if (config.tokensFile === undefined) return openAuthenticator
  let text: string
  try {
    text = readFileSync(config.tokensFile, 'utf8')
  } catch (cause) {
    throw new ConfigError(`the tokens file ${config.tokensFile} cannot be read: make one with \`astern token create\``, { cause })
  }
  return parseTokens(text, config.tokensFile)
}

/** Opens the port. @returns the address, with the port that was chosen. @throws ConfigError where it cannot be opened */
export async function listen(server: FastifyInstance, config: Config): Promise<string> {
  try {
    return await server.listen(config.listen)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : ''
    const at = `${config.listen.host}:${config.listen.port}`
    if (code === 'EADDRINUSE')
      throw new ConfigError(`--listen ${at}: the port is in use; choose another, or port 0 for a free one`, { cause })
    if (code === 'EACCES') throw new ConfigError(`--listen ${at}: this user may not listen there; choose a port above 1023`, { cause })
    throw new ConfigError(`--listen ${at}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}
