package ssh

import (
	"strconv"

	"xtest/internal/late"
)

// host is whom to connect to.
type host struct {
	destination string // [USER@]HOST
	port        string // "" leaves it to the client's settings
}

// What a host or a user may be called is the client's to say. This keeps out what it would take for
// an option, and what is surely a slip.
var hostForm = late.Regexp(`^([A-Za-z0-9_.][A-Za-z0-9_.+-]*@)?(?:([A-Za-z0-9_.][A-Za-z0-9_.-]*)|\[([0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?)\])(?::([0-9]{1,5}))?$`)

func parseHost(what string) (host, bool) {
	m := hostForm().FindStringSubmatch(what)
	if m == nil {
		return host{}, false
	}
	h := host{destination: m[1] + m[2] + m[3], port: m[4]}
	if h.port != "" {
		if n, err := strconv.ParseUint(h.port, 10, 16); err != nil || n == 0 {
			return host{}, false
		}
	}
	return h, true
}
