import type { JsonObject } from '../../base/json.ts'
import type { MessageEvent } from '../../domain/message.ts'
import { cutTo } from '../cut.ts'
import type { Facts, Link } from '../facts.ts'

// Slack’s limits: a header 150 characters, a section 3,000, a message 50 blocks, and all blocks together some 13,000.

const HEADER = 150
const SECTION = 2_800
const FALLBACK = 3_000
/** How many facts are shown. Twenty of 300 characters stay within what a message may hold. */
const MOST_LINES = 20

const SIGN: Readonly<Record<MessageEvent, string>> = {
  acted: '🔧',
  'needs-people': '🚨',
  approval: '✋',
  update: '🚨',
  over: '✅'
}

/** A message’s parts for `chat.postMessage`, `chat.update` and incoming webhooks. */
export interface SlackText {
  readonly text: string
  readonly blocks?: readonly JsonObject[]
}

/**
 * The facts as blocks. Whatever came from outside stands in `plain_text`, where nothing is formatted, mentioned or linked. Commands and
 * links, which need mrkdwn, are escaped.
 */
export function slackText(facts: Facts, event: MessageEvent): SlackText & { readonly blocks: readonly JsonObject[] } {
  const lines = facts.lines.slice(0, MOST_LINES)
  const blocks: JsonObject[] = [
    { type: 'header', text: plain(cutTo(`${SIGN[event]} ${facts.title}`, HEADER)) },
    ...(facts.text === '' ? [] : [{ type: 'section', text: plain(cutTo(facts.text, SECTION)) }]),
    ...lines.map(({ label, text, code }) => ({
      type: 'section',
      text: code === true ? mrkdwn(`${escaped(label)}:\n\`\`\`${inCode(text)}\`\`\``) : plain(`${label}: ${text}`)
    })),
    ...(facts.links.length === 0 ? [] : [{ type: 'context', elements: [mrkdwn(facts.links.map(linkOf).join(' · '))] }])
  ]
  return { text: notification(facts, event), blocks }
}

/** The facts as text alone, where Slack does not take the blocks. The first link leads on. */
export function slackFallback(facts: Facts, event: MessageEvent): SlackText {
  const [first] = facts.links
  return { text: `${notification(facts, event)}${first === undefined ? '' : `\n${linkOf(first)}`}` }
}

function notification(facts: Facts, event: MessageEvent): string {
  return escaped(cutTo(`${SIGN[event]} ${facts.title}\n${facts.text}`, FALLBACK))
}

function plain(text: string): JsonObject {
  return { type: 'plain_text', text, emoji: false }
}

function mrkdwn(text: string): JsonObject {
  return { type: 'mrkdwn', text, verbatim: true }
}

/** Disarms `<!channel>`, `<@U…>` and `<url|text>`: Slack reads them only between angle brackets. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** Three backticks would end the block. A modifier letter looks like one, and whoever copies it sees that it is none. */
function inCode(text: string): string {
  return escaped(text).replaceAll('```', 'ˋˋˋ')
}

function linkOf({ text, url }: Link): string {
  return `<${inLink(url)}|${escaped(text)}>`
}

function inLink(url: string): string {
  return url.replaceAll('&', '&amp;').replaceAll('<', '%3C').replaceAll('>', '%3E').replaceAll('|', '%7C')
}
