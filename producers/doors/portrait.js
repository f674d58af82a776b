// docs/channels/web-page.md
(() => {
const w = window, d = document, l = location, n = navigator, me = d.currentScript, old = w.portrait
if (!me || old?.on) return
const { key, domain = "" } = me.dataset, to = me.src.replace(/[^/]*$/, "b")
const safe = f => (...a) => { try { return f(...a) } catch {} }
let agreed, kept, id, userId, last, referrer = d.referrer, calls = [], busy, wait

const rand = () => crypto.getRandomValues(new Uint32Array(4)).join("-"),
here = () => l.href.split("#")[0],
read = safe(() => d.cookie.match(/(?:^|; )portrait_id=([\d-]+)/)?.[1]),
write = safe((v, at) => d.cookie = `portrait_id=${v};path=/;max-age=${v && 15552e3};SameSite=Lax;domain=${at}`
	+ (l.protocol == "https:" ? ";Secure" : "")),

drop = () => { calls = []; kept = id = userId = void 0 },

consent = yes => {
	agreed = yes === true && !n.globalPrivacyControl && n.doNotTrack != 1
	if (agreed) {
		id = read() || id || rand()
		read() || write(id, domain)
		kept = read()
		send()
	} else {
		let at = ".." + l.hostname
		while (at) write(0, at = at.replace(/^.[^.]*/, ""))
		drop()
	}
},

add = (type, more) => {
	if (agreed === false) return
	const campaign = {}
	for (const [k, v] of new URLSearchParams(l.search))
		if (/^utm_/.test(k)) campaign[k == "utm_campaign" ? "name" : k.slice(4)] = v
	const page = { url: here(), path: l.pathname, title: d.title, referrer }
	calls.push({ type, messageId: rand(), timestamp: new Date(), userId, context: { campaign, page }, ...more })
	later(100)
},

later = ms => {
	calls = calls.slice(-50)
	clearTimeout(wait)
	wait = setTimeout(send, ms)
},

send = safe(end => {
	if (kept && read() != id) { drop(); consent(!!read()) }
	if (!agreed || !calls[0] || d.prerendering || busy && !end) return
	const batch = calls.map(c => ({ ...c, anonymousId: id }))
	const body = JSON.stringify({ writeKey: key, sentAt: new Date(), batch })
	calls = []
	if (end && n.sendBeacon(to, body)) return
	busy = 1
	fetch(to, { method: "POST", body, keepalive: body.length < 2e4 }).catch(() => 0).then(r => {
		busy = 0
		if (r.status < 500 && r.status != 429) return later(100)
		if (id == batch[0].anonymousId) calls = batch.concat(calls)
		later(1e4)
	})
}),

page = (name, properties) => {
	referrer = last || referrer
	last = here()
	add("page", { name, properties })
},
moved = () => here() == last || page(),
on = (at, name, f) => at.addEventListener(name, safe(f))

w.portrait = safe((what, ...a) => ({
	consent, page,
	track: (event, properties) => add("track", { event, properties }),
	identify: (user, traits) => add("identify", { userId: userId = user || userId, traits })
})[what](...a))
w.portrait.on = 1
safe(() => {
	for (const k of ["pushState", "replaceState"]) {
		const f = history[k]
		history[k] = (...a) => { f.apply(history, a); setTimeout(safe(moved)) }
	}
	on(w, "popstate", moved)
	on(w, "pageshow", e => e.persisted && page())
	on(d, "visibilitychange", () => d.hidden && send(1))
	on(w, "pagehide", send)
	if (read()) consent(true)
	d.prerendering ? on(d, "prerenderingchange", moved) : moved()
	for (const a of old?.q || []) w.portrait(...a)
})()
})()
