/** What a device is, and the last messages that spoke of it. */

import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { LiveMessage } from '../../../bridge/live/protocol.ts'
import { serverNow } from '../data/clock.ts'
import { live } from '../data/connection.ts'
import type { Device } from '../data/fleet.ts'
import { clockMillis, formatAge, whenOf } from '../words/format.ts'
import { setText, usePainter } from './device-values.tsx'
import { ForgetDevice } from './forget-device.tsx'

const FAMILIES: Readonly<Record<string, string>> = {
  'ha-discovery': 'Home Assistant discovery',
  zigbee2mqtt: 'Zigbee2MQTT',
  tasmota: 'Tasmota',
  shelly: 'Shelly',
  esphome: 'ESPHome',
  homie: 'Homie',
  sparkplug: 'Sparkplug B',
  senml: 'SenML',
  general: 'plain values',
}
const MOST_MESSAGES = 7
const MOST_TOPICS = 4

export function DeviceAbout({ device, children }: { device: Device; children: ComponentChildren }) {
  const rhythm = useRef<HTMLElement>(null)
  const last = useRef<HTMLElement>(null)
  usePainter(device, () => {
    setText(rhythm.current, rhythmWords(device))
    setText(last.current, device.lastMs === 0 ? 'not yet' : whenOf(device.lastMs, serverNow()))
  })
  const topics = device.topics.slice(0, MOST_TOPICS)
  return (
    <aside class="about" aria-label="About this device">
      {children}
      <section>
        <h2>About</h2>
        <dl class="facts">
          <dt>Id</dt>
          <dd class="mono">{device.id}</dd>
          {device.family !== '' && (
            <>
              <dt>Read as</dt>
              <dd>{FAMILIES[device.family] ?? device.family}</dd>
            </>
          )}
          {topics.length > 0 && (
            <>
              <dt>{topics.length === 1 ? 'Topic' : 'Topics'}</dt>
              <dd class="mono">
                {topics.map(topic => (
                  <div key={topic}>{topic}</div>
                ))}
                {device.topics.length > MOST_TOPICS && (
                  <div class="note">and {device.topics.length - MOST_TOPICS} more</div>
                )}
              </dd>
            </>
          )}
          <dt>Reports every</dt>
          <dd ref={rhythm} />
          <dt>Last heard</dt>
          <dd ref={last} />
        </dl>
        <ForgetDevice device={device} />
      </section>
      <LastMessages topics={device.topics} />
    </aside>
  )
}

function rhythmWords(device: Device): string {
  const interval = device.rhythm.intervalMs()
  const deadline = device.deadlineMs()
  if (interval === null || deadline === null) return 'not known yet'
  return `${formatAge(interval)}, late after ${formatAge(deadline)}`
}

function LastMessages({ topics }: { topics: readonly string[] }) {
  const [messages, setMessages] = useState<readonly LiveMessage[]>([])
  const key = topics.join('\n')
  useEffect(() => {
    setMessages([])
    if (key === '') return
    const subscription = live.subscribeMessages({
      topics: key.split('\n'),
      maxHz: 2,
      onMessages: news => setMessages(before => [...[...news].reverse(), ...before].slice(0, MOST_MESSAGES)),
    })
    return () => subscription.close()
  }, [key])
  if (key === '') return null
  return (
    <section>
      <div class="section-head">
        <h2>Last messages</h2>
        <a class="link" href={`#/messages?topic=${encodeURIComponent(topics[0] ?? '#')}`}>
          Open in Messages
        </a>
      </div>
      {messages.length === 0 && <p class="note">The next one shows here.</p>}
      <ol class="last-messages mono">
        {messages.map(message => (
          <li key={`${message.time} ${message.topic}`}>
            <span class="note">{clockMillis(message.time)}</span>
            <span>{message.topic.slice(message.topic.lastIndexOf('/') + 1)}</span>
            <span class="quiet">{message.payload ?? 'binary'}</span>
          </li>
        ))}
      </ol>
    </section>
  )
}
