// Stands in for Google: runs the script of docs/channels/forms.md (argv 2) on one answer, and prints what it sends.
const fs = require("fs")
const vm = require("vm")

const asked = []
const statuses = JSON.parse(process.argv[3])
const item = (id, title, value) => ({ getItem: () => ({ getId: () => id, getTitle: () => title }), getResponse: () => value })
const response = {
  getId: () => "2_ABaOnud",
  getTimestamp: () => new Date("2026-11-20T03:00:00.000Z"),
  getRespondentEmail: () => "hoa@example.com",
  getItemResponses: () => [
    item(1001, "Họ và tên", "Lê Thị Hoà"),
    item(1002, "Số điện thoại", "0938 221 904"),
    item(1004, "Nhận tin qua", ["Email", "Zalo"]),
    item(1006, "Bạn thấy thế nào?", ["Tốt", null]),
  ],
}
const form = { getId: () => "1FAIpQLSd", getTitle: () => "Đăng ký khoá học", getResponses: () => [response] }
const google = {
  FormApp: { getActiveForm: () => form },
  PropertiesService: { getScriptProperties: () => ({ getProperty: (name) => process.env[name] }) },
  Utilities: { sleep: () => undefined },
  UrlFetchApp: {
    fetch: (address, request) => {
      asked.push({ address, request })
      const status = statuses.shift()
      if (status === null) throw new Error("DNS error")
      return { getResponseCode: () => status, getContentText: () => "{}" }
    },
  },
}
let threw = null
try {
  vm.runInNewContext(fs.readFileSync(process.argv[2], "utf8") + "\nsendAll()", google)
} catch (error) {
  threw = error.message
}
console.log(JSON.stringify({ asked, threw }))
