// docs/channels/web-page.md
(() => {
const w = window, d = document, n = navigator, me = d.currentScript, old = w.portrait
if (!me || old?.on) return
const { key, domain = "" } = me.dataset, to = me.src.replace(/[^/]*$/, "b")
const safe = f => (...a) => { try { f(...a) } catch {} }
let agreed, kept, id, userId, last, referrer = d.referrer, calls = [], busy, timer

const fresh = () => crypto.getRandomValues(new Uint32Array(4)).join("-")
const here = () => location.href.split("#")[0]
const read = () => d.cookie.match(/(?:^|; )portrait_id=([\d-]+)/)?.[1]
const write = (v, age) => d.cookie = `portrait_id=${v};path=/;max-age=${age};SameSite=Lax`
	+ `;domain=${domain}` + (location.protocol == "https:" ? ";Secure" : "")

const consent = yes => {
	agreed = yes === true && !n.globalPrivacyControl && n.doNotTrack != 1
	if (agreed) {
		id = read() || id || fresh()
		read() || write(id, 15552e3)
		kept = read()
		flush()
	} else {
		write("", 0)
		kept = id = userId = calls.length = 0
	}
}

const add = (type, more) => {
	if (agreed === false) return
	const campaign = {}
	for (const [k, v] of new URLSearchParams(location.search))
		if (/^utm_/.test(k)) campaign[k == "utm_campaign" ? "name" : k.slice(4)] = v
	const context = { campaign, page: { url: here(), path: location.pathname, title: d.title, referrer } }
	calls.push({ type, messageId: fresh(), timestamp: new Date(), userId, context, ...more })
	later(100)
}

const later = ms => {
	calls = calls.slice(-50)
	clearTimeout(timer)
	timer = setTimeout(flush, ms)
}

const flush = safe(leaving => {
	if (kept && read() != id) consent()
	if (!agreed || !calls[0] || busy && !leaving) return
	const batch = calls.map(c => ({ ...c, anonymousId: id }))
	const body = JSON.stringify({ writeKey: key, sentAt: new Date(), batch })
	calls = []
	if (leaving && n.sendBeacon(to, body)) return
	busy = 1
	fetch(to, { method: "POST", body, keepalive: body.length < 2e4 }).catch(() => 0).then(r => {
		busy = 0
		if (r.status < 500 && r.status != 429) return later(100)
		if (agreed) calls = batch.concat(calls)
		later(1e4)
	})
})

const page = (name, properties) => {
	referrer = last || referrer
	last = here()
	add("page", { name, properties })
}
const moved = () => here() == last || page()
const on = (node, name, f) => node.addEventListener(name, safe(f))

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
	on(d, "visibilitychange", () => d.hidden && flush(1))
	if (read()) consent(true)
	d.prerendering ? on(d, "prerenderingchange", moved) : moved()
	for (const a of old?.q || []) w.portrait(...a)
})()
})()
