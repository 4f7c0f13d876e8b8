/** What somebody needs who has just made a device: its secret, a line to try it, a sketch, a code for the phone. */

import { renderUnicodeCompact } from 'uqr'
import type { Place } from './place.ts'

export interface Credentials {
  readonly id: string
  readonly password: string
}

export function welcome({ id, password }: Credentials, place: Place): string {
  return `id        ${id}
username  ${id}
password  ${password}     (shown this once)

Try it:

  ${tryLine({ id, password }, place)}

ESP32, ESP8266 (Arduino, PubSubClient):

${sketch({ id, password }, place)}
${phone({ id, password }, place)}`
}

export function welcomeByCertificate(id: string, place: Place): string {
  return `${id} is known by its certificate, whose common name is ${id}; "trestle tls device ${id}" makes one.
It connects to ${place.host}, port ${place.port}, without a user name.
`
}

function tryLine({ id, password }: Credentials, { host, port, tls, ca }: Place): string {
  const trust = tls ? (ca === null ? ' --tls-use-os-certs' : ` --cafile ${quote(ca)}`) : ''
  return `mosquitto_pub -h ${host} -p ${port}${trust} -i ${id} -u ${id} -P ${password} -q 1 -t ${id}/state -m '{"temperature":21.5}'`
}

function sketch({ id, password }: Credentials, { host, port, tls }: Place): string {
  const text = (value: string) => JSON.stringify(value)
  const lines = `#include <WiFi.h>${tls ? '\n#include <WiFiClientSecure.h>' : ''}        // ESP8266: ESP8266WiFi.h
#include <PubSubClient.h>
${tls ? 'WiFiClientSecure' : 'WiFiClient'} net;
PubSubClient mqtt(net);
void setup() {
  WiFi.begin("your network", "its password");
${tls ? '  configTime(0, 0, "pool.ntp.org");       // certificates need the date\n  net.setCACert(CA);                      // the text of ca.crt\n' : ''}  mqtt.setServer(${text(host)}, ${port});
}
void loop() {
  if (!mqtt.connected() && !mqtt.connect(${text(id)}, ${text(id)}, ${text(password)})) return delay(5000);
  mqtt.loop();
  static unsigned long last = 0;
  if (millis() - last < 10000) return;
  last = millis();
  mqtt.publish(${text(`${id}/state`)}, "{\\"temperature\\":21.5}");
}`
  return lines.replace(/^/gm, '  ')
}

/** The secret stands behind `#`, which browsers keep to themselves: it is in no request and in no log. */
function phone({ id, password }: Credentials, { url, isLocal }: Place): string {
  if (isLocal)
    return '\nIt listens on this machine alone; with TRESTLE_HOST=0.0.0.0 other machines reach it.\n'
  const link = `${url}#/sensor?${new URLSearchParams({ username: id, password })}`
  return `\nA phone can be this device: it opens the page as a sensor.\n\n${renderUnicodeCompact(link)}\n`
}

function quote(path: string): string {
  return /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
