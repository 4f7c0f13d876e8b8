/**
 * Rules from the configuration, for what no family knows: `rules:` of trestle.yaml. The first rule whose topic
 * matches counts. Rules are data: templates and names, no expressions, so none can be slow or unsafe.
 *
 *   rules:
 *     - topic: plant/{site}/{device}/{field}
 *       measurement: plant
 *       rename: { t1: flow_temperature }
 *       units: { flow_temperature: °C }
 *       types: { serial: text }
 *     - topic: scale/{device}/raw
 *       columns: [weight, battery]
 *     - topic: line/{device}/state
 *       userProperties: { site: plant }
 *     - topic: cameras/#
 *       ignore: true
 *
 * `{device}`, `{room}` and `{field}` mean what they say; other captured levels become tags.
 */

import { z } from 'zod'
import { cleanName } from './names.ts'
import { compileTemplate, fillIn } from './topic-template.ts'

const text = z.string().min(1).max(256)
/** What ends up in the store is written by a person here: it is as it should be, or a mistake. */
const name = text.refine(
  given => cleanName(given) === given,
  'must have no control characters and no backslash at its end',
)
const names = z.record(text, name)

const ruleSchema = z
  .strictObject({
    topic: text.describe('Template: {name} one level, {name...} several, + any one, a last # the rest'),
    name: text.optional().describe('How explain calls the rule; its topic otherwise'),
    ignore: z
      .union([z.boolean(), z.array(text)])
      .optional()
      .describe('true: no readings; a list: without these fields (* and ? stand for others)'),
    only: z.array(text).optional().describe('Keep only these fields'),
    device: text.optional().describe('May use what the topic captured: "{site}-{device}"'),
    room: text.optional(),
    measurement: name.optional(),
    tags: names.optional(),
    userProperties: names
      .optional()
      .describe('Tags from user properties of MQTT 5: property to tag, such as { site: plant }'),
    rename: names.optional().describe('Field names: old to new'),
    units: names.optional().describe('Units, by the new field name'),
    types: z
      .record(text, z.enum(['number', 'text', 'boolean']))
      .optional()
      .describe('By the new field name'),
    columns: z
      .array(z.string().max(256))
      .max(1000)
      .optional()
      .describe('Names for values in a row: 21.5;40;97'),
  })
  .superRefine((rule, context) => {
    const captured = capturedBy(rule.topic)
    if (captured instanceof Error)
      return context.addIssue({ code: 'custom', path: ['topic'], message: captured.message })
    const uses = { device: rule.device, room: rule.room, ...rule.tags }
    for (const [key, template] of Object.entries(uses)) {
      for (const [, name = ''] of (template ?? '').matchAll(/\{(\w+)\}/g)) {
        const path = key === 'device' || key === 'room' ? [key] : ['tags', key]
        if (!captured.has(name))
          context.addIssue({ code: 'custom', path, message: `{${name}} is not in the topic` })
      }
    }
    const given = [
      ...Object.keys(rule.tags ?? {}).map(tag => [tag, ['tags', tag]] as const),
      ...Object.entries(rule.userProperties ?? {}).map(
        ([key, tag]) => [tag, ['userProperties', key]] as const,
      ),
    ]
    for (const [tag, path] of given) {
      if (tag === 'device' || tag === 'topic' || tag === 'time')
        context.addIssue({ code: 'custom', path: [...path], message: 'this tag is set by the bridge' })
    }
  })

export const rulesSchema = z.array(ruleSchema).max(1000)

export type Rule = z.infer<typeof ruleSchema>

function capturedBy(topic: string): Set<string> | Error {
  try {
    compileTemplate(topic)
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
  return new Set([...topic.matchAll(/\{(\w+)(?:\.\.\.)?\}/g)].map(([, name]) => name!))
}

/** What a rule says about one topic. */
export interface RuleMatch {
  readonly rule: Rule
  readonly by: string
  readonly device: string | undefined
  readonly room: string | undefined
  readonly field: string | undefined
  readonly tags: Readonly<Record<string, string>>
}

/** Answers with the first rule that matches. */
export function compileRules(rules: readonly Rule[]): (levels: readonly string[]) => RuleMatch | undefined {
  const compiled = rules.map(rule => ({ rule, match: compileTemplate(rule.topic) }))
  return levels => {
    for (const { rule, match } of compiled) {
      const captures = match(levels)
      if (captures === undefined) continue
      const { device, room, field, ...others } = captures
      const fill = (template: string | undefined) =>
        template === undefined ? undefined : fillIn(template, captures)
      const tags = Object.entries(rule.tags ?? {}).map(([name, template]) => [
        name,
        fillIn(template, captures),
      ])
      return {
        rule,
        by: `rule ${rule.name ?? rule.topic}`,
        device: fill(rule.device) ?? device,
        room: fill(rule.room) ?? room,
        field,
        tags: { ...others, ...Object.fromEntries(tags) },
      }
    }
    return undefined
  }
}
