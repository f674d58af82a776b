// The same shop with RudderStack's client for Node: node rudder_node.mjs URL KEY WHO plain|gzip|many

import { createRequire } from "node:module"

const require = createRequire(process.cwd() + "/")
const Analytics = require("@rudderstack/rudder-sdk-node")
const [url, writeKey, who, how] = process.argv.slice(2)
const givenUp = []
const client = new Analytics(writeKey, {
  dataPlaneUrl: url,
  gzip: how !== "plain",
  flushAt: 2,
  flushInterval: 100,
  retryCount: 20,
  logLevel: "none",
  errorHandler: (error) => givenUp.push(String(error)),
})
const visitor = `${who}-visitor`
const userId = `${who}-user`
const said = (name) => ({ messageId: `${who}-${name}`, timestamp: new Date("2026-11-20T08:00:00Z") })
const shoes = { sku: "G-1", name: "Giày", category: "Giày", price: 440000, quantity: 2 }

if (how === "many") {
  for (let number = 0; number < 30; number++) {
    client.track({ userId, event: "Opened", messageId: `${who}-${number}` })
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
} else {
  const address = { url: "https://shop.example/giay" }
  client.page({ anonymousId: visitor, name: "Giày", properties: address, ...said("page") })
  const context = { device: { id: `${who}-device` } }
  client.screen({ anonymousId: visitor, name: "Home", context, ...said("screen") })
  client.track({ anonymousId: visitor, event: "Product Viewed", properties: shoes, ...said("viewed") })
  const traits = { firstName: "Lan", lastName: "Nguyễn", email: `${who}@example.com`, plan: "pro" }
  client.identify({ userId, anonymousId: visitor, traits, ...said("identify") })
  client.alias({ previousId: `${who}-earlier`, userId, ...said("alias") })
  client.group({ userId, groupId: "42", traits: { name: "Hoa Sen", employees: 329 }, ...said("group") })
  const order = { order_id: `${who}-1`, total: 880000, currency: "VND", products: [shoes] }
  client.track({ userId, event: "Order Completed", properties: order, ...said("order") })
  client.track({ userId, event: "Order Refunded", properties: { ...order, total: 440000 }, ...said("refund") })
}
// A flush sends one batch, and one without anything to send waits for the last.
while (client.queue.length) await client.flush()
await client.flush()
console.log(require("@rudderstack/rudder-sdk-node/package.json").version)
if (givenUp.length) {
  console.error(givenUp.join("\n"))
  process.exit(1)
}
