def line(r): 
    return f"{r['case']}: " + " ".join(f"{k}={v['median']:.2e}" for k,v in r["seconds"].items())
