"""Windows over rows that may be late: decided row by row, in the order of one file (sections 4 to 6).

Each row meets a watermark (`Row.seen`). A window is given once, when the watermark passes its end, with what came until
then. A row that comes behind the end and not behind `lateness` changes a result only if a trigger says so; if it is the
first row of its window, there was no result, and the one that is given has it alone.
"""


def windows_and_late(window, lateness, rows, each_row):
    """The results of one key as pairs of bounds and rows, and the rows that are late for all of their windows.

    With `each_row` (`trigger(late: eachRow)`) each row behind the end of its window gives the result again.
    """
    held, given, late = {}, [], []
    for row in rows:
        its_windows = [(start, end) for start, end in window.around(row.time) if row.seen < end + lateness]
        if not its_windows:
            late.append(row)
        for bounds in its_windows:
            inside = held.setdefault(bounds, [])
            behind = row.seen >= bounds[1]
            if behind and (each_row or not inside):
                given.append((bounds, inside + [row]))
            inside.append(row)
    in_time = {bounds: [row for row in inside if row.seen < bounds[1]] for bounds, inside in held.items()}
    return [(bounds, inside) for bounds, inside in in_time.items() if inside] + given, late


def sessions_and_late(gap, rows):
    """The same for sessions without lateness.

    A session takes rows up to and including its end ("differ by at most the gap"), so its end is reached only when the
    watermark is behind it: at the end itself, a row that is no longer than the gap away may still be expected.
    """
    open_sessions, given, late = [], [], []
    for row in rows:
        over = [one for one in open_sessions if one[-1].time + gap < row.seen]
        given += over
        open_sessions = [one for one in open_sessions if one not in over]
        near = [one for one in open_sessions
                if one[0].time - gap <= row.time <= one[-1].time + gap]
        joined = sorted([row] + [other for one in near for other in one], key=lambda row: row.time)
        if joined[-1].time + gap < row.seen:
            late.append(row)
        else:
            open_sessions = [one for one in open_sessions if one not in near] + [joined]
    given += open_sessions
    return [((one[0].time, one[-1].time + gap), one) for one in given], late
