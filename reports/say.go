package reports

// Say writes a permanent line about something that is no event of the run: what is being prepared.
func (p *Progress) Say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.print(plain, Clean(text))
	p.draw()
}
