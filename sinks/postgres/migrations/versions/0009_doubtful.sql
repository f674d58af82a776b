-- What the relay asks about every identifier that it is about to publish is true of few: an index of these alone answers.
create index identifiers_doubtful on portrait.identifiers (identifier) where standing <> 0 or since > 0;
