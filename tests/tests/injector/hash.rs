//! Hashes of the password, told by what they verify: the C library's crypt(3) is asked.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

/// How the hashes begin that the program is told to make: the quickest.
const KIND: &[u8] = b"$1$";
/// What stands for a hash that verifies the password, and the day it was set.
const NAME: &[u8] = b"{hash}";
/// Answers whether each line that it reads is a hash of its argument.
const PERL: &str =
    "$|=1; while(<STDIN>){chomp; print crypt($ARGV[0],$_) eq $_ ? \"1\\n\" : \"0\\n\"}";

/// Asks perl, whose crypt is the C library's.
pub(crate) struct Verifier {
    perl: Child,
    answers: BufReader<ChildStdout>,
    known: BTreeMap<Vec<u8>, bool>,
    /// Days since 1970, on which it may have been set.
    today: u64,
}

impl Verifier {
    /// For this password.
    pub(crate) fn new(password: &str) -> Result<Self> {
        let mut perl = Command::new("perl")
            .args(["-e", PERL, password])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("perl (package perl-base)")?;
        let answers = perl.stdout.take().context("no pipe")?;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        Ok(Self {
            perl,
            answers: BufReader::new(answers),
            known: BTreeMap::new(),
            today: now.as_secs() / 86_400,
        })
    }

    fn verifies(&mut self, hash: &[u8]) -> Result<bool> {
        if let Some(known) = self.known.get(hash) {
            return Ok(*known);
        }
        let input = self.perl.stdin.as_mut().context("no pipe")?;
        input.write_all(&[hash, b"\n"].concat())?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let good = answer == "1\n";
        self.known.insert(hash.to_vec(), good);
        Ok(good)
    }

    /// `text`, in which each hash of the password stands under one name, and so does
    /// the day that it was set on.
    pub(crate) fn name(&mut self, text: &[u8]) -> Result<Vec<u8>> {
        let mut named = Vec::new();
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            let mut fields: Vec<Vec<u8>> = line
                .split(|&byte| byte == b':')
                .map(<[u8]>::to_vec)
                .collect();
            if fields.len() > 2 && fields[1].starts_with(KIND) && self.verifies(&fields[1])? {
                fields[1] = NAME.to_vec();
                // The day of a run that began before midnight, and of one after it; without
                // a clock there is none.
                let days = [self.today, self.today + 1].map(|day| day.to_string().into_bytes());
                if days.contains(&fields[2]) || fields[2].is_empty() {
                    fields[2] = b"{today}".to_vec();
                }
            }
            named.extend(fields.join(&b':'));
        }
        Ok(named)
    }

    /// Whether a text holds a hash, or the name of one.
    pub(crate) fn is_in(text: &[u8]) -> bool {
        [KIND, NAME]
            .iter()
            .any(|part| text.windows(part.len()).any(|window| window == *part))
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        let _ = self.perl.kill();
        let _ = self.perl.wait();
    }
}
