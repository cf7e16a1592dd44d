import subprocess,sys,os,re
R='/tmp/air/numbers'; B=R+'/build/release'
def linkcmd(t):
    out=subprocess.run(['ninja','-C',B,'-t','commands',t],capture_output=True,text=True).stdout.strip().splitlines()
    c=[l for l in out if f'-o tests/{t[5:]}/{t}' in l][-1]
    return c
M=[
('tuf','verify/tuf/trusted_set.cc','TRY(check_root_signatures(next, root_.body, "root, by the keys of the root before"));',''),
('tuf','verify/tuf/trusted_set.cc','TRY(check_root_signatures(next, next.body, "root, by its own keys"));',''),
('tuf','verify/tuf/trusted_set.cc','if (next.version != root_.version + 1)','if (false)'),
('tuf','verify/tuf/trusted_set.cc','TRY(check_root_expiry());\n  auto next','auto next'),
('tuf','verify/tuf/updater.cc','TRY(trusted_.check_root_expiry());',''),
('tuf','verify/tuf/updater.cc','step < limits_.root_updates','true'),
('tuf','verify/tuf/updater.cc','    TRY(trusted_.accept_root(*next));\n    TRY(keeper_.keep(kRoot, *next));','    TRY(keeper_.keep(kRoot, *next));\n    TRY(trusted_.accept_root(*next));'),
('tuf','verify/tuf/trusted_set.cc','if (next.version < timestamp_->version)','if (false)'),
('tuf','verify/tuf/trusted_set.cc','if (next.version == timestamp_->version) {','if (false) {'),
('tuf','verify/tuf/trusted_set.cc','if (now == next.body.meta.end()) return','if (false) return'),
('tuf','verify/tuf/trusted_set.cc','if (next.version != meta.version) return','if (false) return'),
('tuf','verify/tuf/updater.cc','if (next.version','if (next.version') ,
('tuf','verify/tuf/trusted_set.cc','if (expires > reference_time_) return {};','if (expires >= reference_time_) return {};'),
('tuf','verify/tuf/trusted_set.cc','TRY(check_content(bytes, meta.length, meta.hashes, role));',''),
('tuf','verify/tuf/metadata.cc','found != type)','false && found != type)'),
('tuf','verify/tuf/updater.cc','visited.size() <= limits_.delegations','true'),
('tuf','verify/tuf/updater.cc','kept && trusted_.accept_targets(*kept, role, delegator)) return {};','kept) { (void)trusted_.accept_targets(*kept, role, delegator); if (trusted_.targets(role)) return {}; }'),
('tuf','verify/tuf/metadata.cc','if (!is_object()) return','if (!is_object()) return'),
('time','verify/time/rfc3161.cc','if (ERR_GET_LIB(error) != ERR_LIB_TS) return Code::kTimeSignature;',''),
('time','verify/time/rfc3161.cc','depth == 0 ? (says & EXFLAG_CA) == 0 :','depth == 0 ? true :'),
('time','verify/time/rfc3161.cc','depth == end || may_stamp','true'),
('time','verify/time/rfc3161.cc','|| !part(millis) || !part(micros)',''),
('time','verify/time/rfc3161.cc','status != TS_STATUS_GRANTED_WITH_MODS) ||','status > 5) ||'),
('time','verify/time/rfc3161.cc','TS_VFY_SIGNATURE | TS_VFY_VERSION','TS_VFY_VERSION'),
('time','verify/time/rfc3161.cc','if (!accepted_hash(TS_MSG_IMPRINT','if (false && !accepted_hash(TS_MSG_IMPRINT'),
('time','verify/time/roughtime.cc','if (index != 0 || hash != root)','if (hash != root)'),
('time','verify/time/roughtime.cc','|| path.size() / dialect.hash_bytes > kMaxPath',''),
('time','verify/time/roughtime.cc','if (midpoint < from || midpoint > until)','if (midpoint < from)'),
('time','verify/time/roughtime.cc','if (repeated ? *repeated != nonce : asked.framed)','if (false)'),
('time','verify/time/roughtime_wire.cc','if (i > 0 && tag <= message.values_.back().first)','if (i > 0 && tag < message.values_.back().first)'),
('time','verify/time/roughtime_report.cc','if (i > 0) TRY(check_bound','if (false) TRY(check_bound'),
('time','verify/time/anchor.cc','if (chain.contradiction()) return','if (false) return'),
('time','verify/time/roughtime_report.cc','> answers_[later].midpoint() + answers_','>= answers_[later].midpoint() + answers_'),
('time','verify/time/trusted_time.cc','now.since_boot >= mark.boot.since_boot;','false;'),
('bundle','bundle/pipeline.cc','if (anchored - time_.wall > verify::kClockTolerance)','if (false)'),
('bundle','bundle/pipeline.cc','TRY(time_.require_clock());',''),
]
for t,f,a,b in M:
    if a==b: continue
    s=open(f'{R}/{f}').read()
    if a not in s: print('NOT FOUND',f,a); continue
    mp='/tmp/air/e/mut_'+os.path.basename(f); open(mp,'w').write(s.replace(a,b,1))
    o='/tmp/air/e/mut.o'
    r=subprocess.run(['g++','-std=c++23','-O1','-w',f'-I{R}','-DAIRLOCK_VERSION="0.1.0"','-c',mp,'-o',o],capture_output=True,text=True)
    if r.returncode: print('COMPILE',a,r.stderr[:300]); continue
    test='test_'+t
    c=linkcmd(test)
    c=re.sub(r'-o tests/\S+',f'{o} -o /tmp/air/e/mut_test',c).replace('ccache ','')
    c=c.split(' && ')
    c=[x for x in c if 'mut_test' in x][0]
    r=subprocess.run(c,shell=True,cwd=B,capture_output=True,text=True)
    if r.returncode: print('LINK',r.stderr[-400:]); continue
    flt={'bundle':['C085*,C090*']}.get(t,['C0*'])
    try: r=subprocess.run(['/tmp/air/e/mut_test']+flt,capture_output=True,text=True,timeout=120,cwd=B)
    except subprocess.TimeoutExpired: print('caught(timeout)',a[:60]); continue
    heads=sorted(set(re.findall(r'^(C\d{3})',r.stdout,re.M)))
    print('caught' if r.returncode else 'SURVIVED',heads,f,a[:70].replace('\n',' '))
