import { plain } from '../terminal.ts'

/** The longest text of a pod, or of the cluster, that is shown on one line, characters. */
const SHOWN = 600

/**
 * Makes foreign text safe for a log of CI: control characters and escape sequences are taken out, and so is what turns text around.
 * What CI systems would take for a command (`::error::` and `##[error]` of GitHub, `##vso[` of Azure, `section_start:` of GitLab) is
 * broken by a blank.
 */
export function ciText(text: unknown): string {
  const flat = plain(text)
    .replaceAll(/[\p{Cf}\p{Cs}]/gu, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return harmless(flat.length <= SHOWN ? flat : `${flat.slice(0, SHOWN)}…`)
}

function harmless(text: string): string {
  // A command of GitHub has two of them. A text with one is an address, such as fe80::1.
  return (text.indexOf('::') === text.lastIndexOf('::') ? text : text.replaceAll('::', ': :'))
    .replaceAll(/##(?=\w*\[)/g, '# #')
    .replaceAll(/section_(start|end):/gi, 'section_$1 :')
}

/** One line of JSON that no CI system takes for a command. It reads back as the same value. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('::', ':\\u003a')
    .replaceAll('##', '#\\u0023')
    .replaceAll(/section_(start|end):/gi, 'section_$1\\u003a')
    .replaceAll(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
