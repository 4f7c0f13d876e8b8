/** How to make phones, browsers and devices trust an authority, in plain words; docs/tls.md says more. */

import { inUrl } from '../hosts.ts'

export interface TrustWords {
  /** Where the bridge is reached from elsewhere. */
  readonly host: string
  readonly httpPort: number
  readonly mqttsPort: number
  /** Of the authority's certificate, as phones show it. */
  readonly fingerprint256: string
}

export function trustWords({ host, httpPort, mqttsPort, fingerprint256 }: TrustWords): string {
  const place = `${inUrl(host)}:${httpPort}`
  return `Now tell phones, browsers and devices to trust it, once. The bridge hands the certificate out at
    http://${place}/ca.crt
and this is its SHA-256 fingerprint, to compare before you say yes:
    ${fingerprint256}

iPhone, iPad   open that address in Safari and allow the download. Settings > General > VPN & Device Management:
               install it. Then Settings > General > About > Certificate Trust Settings: switch it on.
Android        open it in Chrome. Settings > Security > More > Install a certificate > CA certificate.
Windows        certutil -user -addstore Root ca.crt
macOS          security add-trusted-cert -k ~/Library/Keychains/login.keychain-db ca.crt
Linux          sudo cp ca.crt /usr/local/share/ca-certificates/trestle.crt && sudo update-ca-certificates
Firefox        Settings > Privacy & Security > View Certificates > Authorities > Import
ESP32          set the clock by NTP, then client.setCACert(CA), with the text of that file as CA, and connect by
               name, not by address. ESP8266: client.setTrustAnchors(new X509List(CA)).
Mosquitto      mosquitto_pub --cafile ca.crt -h ${host} -p ${mqttsPort} -t home/kitchen/thermo/temperature -m 21.5

The page is at https://${place}/ then; "trestle doctor tls https://${place}" says what is wrong if anything is.`
}
