/**
 * The families, in the order in which they are asked: the first whose table matches a topic has it. To add one,
 * write its file and put it here.
 */

import { airgradient } from './families/airgradient.ts'
import { collectd } from './families/collectd.ts'
import { domoticz } from './families/domoticz.ts'
import { dsmr } from './families/dsmr.ts'
import { ebusd } from './families/ebusd.ts'
import { esphome } from './families/esphome.ts'
import { espresense } from './families/espresense.ts'
import { evcc } from './families/evcc.ts'
import { frigate } from './families/frigate.ts'
import { haDiscovery } from './families/ha-discovery.ts'
import { homeAssistant } from './families/home-assistant.ts'
import { homie } from './families/homie.ts'
import { influxLine } from './families/influx-line.ts'
import { lorawan } from './families/lorawan.ts'
import { openmqttgateway } from './families/openmqttgateway.ts'
import { owntracks } from './families/owntracks.ts'
import { pairs } from './families/pairs.ts'
import { rtl433 } from './families/rtl433.ts'
import { ruuvi } from './families/ruuvi.ts'
import { senml } from './families/senml.ts'
import { shadow } from './families/shadow.ts'
import { shelly } from './families/shelly.ts'
import { sparkplug } from './families/sparkplug.ts'
import { tasmota } from './families/tasmota.ts'
import { thingsboard } from './families/thingsboard.ts'
import { victron } from './families/victron.ts'
import { wirenboard } from './families/wirenboard.ts'
import { wled } from './families/wled.ts'
import { zigbee2mqtt } from './families/zigbee2mqtt.ts'
import { zwaveJsUi } from './families/zwave-js-ui.ts'
import type { Family } from './family.ts'

export const families: readonly Family[] = [
  sparkplug,
  haDiscovery,
  homeAssistant,
  zigbee2mqtt,
  tasmota,
  openmqttgateway,
  shelly,
  homie,
  owntracks,
  victron,
  frigate,
  zwaveJsUi,
  ebusd,
  evcc,
  wirenboard,
  shadow,
  thingsboard,
  wled,
  dsmr,
  domoticz,
  airgradient,
  espresense,
  ruuvi,
  rtl433,
  esphome,
  lorawan,
  senml,
  influxLine,
  collectd,
  pairs,
]
